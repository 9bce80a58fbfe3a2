// SPDX-License-Identifier: Apache-2.0
// What asks before it does: a limit with its preview, a stop, who you are.
import {get, patch, post, signIn, signOut} from "./api.js";
import {button, h, icon, toast} from "./dom.js";
import {rowBar, scaleOf} from "./draw.js";
import {amount, boundOf, meanings, nameOf} from "./words.js";

let ids = 0;

function field(label, input, hint) {
  input.id = `field-${++ids}`;
  const under = hint && h("span", {class: "hint", id: `${input.id}-hint`}, hint);
  if (under) input.setAttribute("aria-describedby", under.id);
  return h("div", {class: "field"}, h("label", {for: input.id}, label), input, under);
}

/** A modal dialog; resolves when it is closed. The browser keeps the focus inside and gives it back. */
function show(title, content, {wide} = {}) {
  const heading = `dialog-${++ids}`;
  const dialog = h("dialog", {"aria-labelledby": heading, class: wide ? "wide" : null},
    h("header", null, h("h2", {id: heading}, title), h("button", {type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close()}, icon("close"))), content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** As a person would type it: the shortest exact form. */
function typed(unit, value) {
  if (value === null) return "unlimited";
  const bytes = unit === "pages" ? value * 4096 : value;
  if (unit === "items" || value === 0) return String(value);
  for (const [suffix, size] of [["G", 2 ** 30], ["M", 2 ** 20], ["K", 1024]]) if (bytes % size === 0) return `${bytes / size}${suffix}`;
  return String(value);
}

function changeLine(change, row) {
  const text = (value) => amount(change.unit, value), pair = ({barrier, limit}) => (barrier === limit ? text(barrier) : `${text(barrier)} : ${text(limit)}`);
  const scale = row && Math.max(...[change.before, change.after].map((numbers) => scaleOf({...row, ...numbers})));
  const bars = row && [change.before, change.after].map((numbers) => {
    const after = {...row, ...numbers, pressure: null}, bound = boundOf(after), bar = rowBar();
    after.pressure = bound ? row.held / bound : bound === 0 ? 1 : null;
    bar.update(after, scale);
    return bar;
  });
  return h("div", {class: "change"},
    h("div", {class: "change-words"}, h("strong", null, change.resource), h("span", {class: "from"}, pair(change.before)), icon("next"), h("span", {class: "to"}, pair(change.after))),
    bars && h("div", {class: "before-after"}, h("span", null, "now"), bars[0], h("span", null, "then"), bars[1]),
    h("p", {class: `effect ${/^(holds|no room)/.test(change.effect) ? "hot" : ""}`}, change.effect));
}

/** `suggested`: "barrier:limit", or what it has. `done`: called after a change. */
export function limitDialog(container, row, suggested, done) {
  const [firstBarrier, firstLimit] = suggested ? suggested.split(":").map((part) => (part === "unlimited" ? null : Number(part))) : [row.barrier, row.limit];
  const number = (value) => h("input", {type: "text", inputmode: "text", autocomplete: "off", spellcheck: "false", required: true, value: typed(row.unit, value)});
  const barrier = number(firstBarrier), limit = number(firstLimit);
  const save = h("input", {type: "checkbox", checked: container.kind !== "adopted", disabled: container.kind === "adopted"});
  const preview = h("div", {class: "preview", "aria-live": "polite"}), submit = h("button", {type: "submit", class: "button primary"}, "Set the limit");
  const form = h("form", {novalidate: true},
    h("p", {class: "muted"}, `${meanings[row.resource] ?? row.resource} of ${nameOf(container)}: ${amount(row.unit, row.held)} held, ${amount(row.unit, row.maxheld)} at most`),
    h("div", {class: "pair"}, field("Barrier", barrier), field("Limit", limit)),
    h("p", {class: "hint"}, row.unit === "items" ? "A number, or unlimited." : "64M, 1G, or unlimited; a bare number is in ".concat(row.unit, ".")),
    h("label", {class: "check"}, save, h("span", null, container.kind === "adopted" ? "an adopted container has no configuration to save in" : "keep it after a restart")),
    preview, h("footer", null, button("Cancel", {kind: "quiet", onclick: () => dialog.close()}), submit));
  const dialog = show(`Limit of ${row.resource}`, form, {wide: true});
  const path = `containers/${container.id}/limits`;
  const wish = (more) => ({limits: {[row.resource]: `${barrier.value.trim()}:${limit.value.trim()}`}, save: save.checked, ...more});
  let asking = null, timer = 0;
  const look = async () => {
    asking?.abort();
    asking = new AbortController();
    try {
      const said = await patch(path, {...wish(), dry_run: true}, asking.signal);
      preview.replaceChildren(...said.changes.map((change) => changeLine(change, change.resource === row.resource ? row : null)));
      submit.disabled = false;
    } catch (failed) {
      if (failed.name === "AbortError") return;
      preview.replaceChildren(h("p", {class: "problem"}, icon("alert"), failed.message));
      submit.disabled = true;
    }
  };
  const soon = () => { submit.disabled = true; clearTimeout(timer); timer = setTimeout(look, 200); };
  for (const input of [barrier, limit]) input.addEventListener("input", soon);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    try {
      const said = await patch(path, wish());
      for (const note of said.notes) toast(note.replace(/^WARNING: /, ""), /not saved to config/.test(note) ? "good" : "bad");
      toast(`${row.resource} of ${nameOf(container)} is set${said.saved ? " and saved" : " until it restarts"}`);
      dialog.close();
      done();
    } catch (failed) {
      preview.replaceChildren(h("p", {class: "problem", role: "alert"}, icon("alert"), failed.message));
      submit.disabled = false;
    }
  });
  barrier.select();
  look();
}

const verbs = {
  stop: {title: "Stop", button: "Stop it", busy: "Stopping…", done: "is stopped", kind: "danger", text: (name) => `All processes of ${name} end. Its init is asked first, and killed when it takes too long.`},
  restart: {title: "Restart", button: "Restart it", busy: "Restarting…", done: "was restarted", kind: "primary", text: (name) => `${name} is stopped and started again with its saved limits.`},
  start: {title: "Start", button: "Start it", busy: "Starting…", done: "is started", kind: "primary", text: (name) => `${name} is started with its saved limits.`},
};

export function verbDialog(container, verb, done) {
  const words = verbs[verb], name = nameOf(container), problem = h("div", {"aria-live": "assertive"});
  const fast = verb !== "start" && h("input", {type: "checkbox"}), submit = h("button", {type: "submit", class: `button ${words.kind}`}, words.button);
  const form = h("form", null, h("p", null, words.text(name)), fast && h("label", {class: "check"}, fast, h("span", null, "kill at once, without asking")), problem,
    h("footer", null, button("Cancel", {kind: "quiet", onclick: () => dialog.close()}), submit));
  const dialog = show(`${words.title} ${name}?`, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = words.busy;
    try {
      await post(`containers/${container.id}/${verb}`, fast && fast.checked ? {fast: true} : {});
      toast(`${name} ${words.done}`);
      dialog.close();
      done();
    } catch (failed) {
      problem.replaceChildren(h("p", {class: "problem", role: "alert"}, icon("alert"), failed.message));
      submit.disabled = false;
      submit.textContent = words.button;
    }
  });
  submit.focus();
}

/** In the page's place until somebody has said who they are. */
export function signInView(message, done) {
  const user = h("input", {type: "text", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false"}), password = h("input", {type: "password", name: "password", autocomplete: "current-password"});
  const token = h("input", {type: "password", name: "token", autocomplete: "off", spellcheck: "false"});
  const byName = h("div", null, field("User", user), field("Password", password)), byToken = h("div", {hidden: true}, field("Token", token, "As ubcd --new-token printed it."));
  const problem = h("div", {"aria-live": "assertive"}), submit = h("button", {type: "submit", class: "button primary"}, "Sign in");
  const other = h("button", {type: "button", class: "link", onclick: () => {
    byName.hidden = !byName.hidden;
    byToken.hidden = !byToken.hidden;
    other.textContent = byToken.hidden ? "Use a token" : "Use a password";
    (byToken.hidden ? user : token).focus();
  }}, "Use a token");
  const complain = (text) => problem.replaceChildren(h("p", {class: "problem", role: "alert"}, icon("alert"), text));
  const form = h("form", {class: "panel sign-in"}, h("img", {src: "/console/icon.svg", alt: "", width: "44", height: "44"}), h("h1", null, "Sign in"), h("p", {class: "muted"}, `to ubcd on ${location.host}`), byName, byToken, problem, submit, other);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    signIn(byToken.hidden ? {user: user.value, password: password.value} : {token: token.value.trim()});
    try {
      const {you, why} = await get("session");
      if (you) return done();
      complain(why);
    } catch (failed) {
      complain(failed.message);
    }
    signOut();
    submit.disabled = false;
  });
  if (message) complain(message);
  return {root: form, title: "Sign in", focus: () => user.focus()};
}

export function helpDialog() {
  const keys = [["/", "find a container"], ["j k", "next and previous row"], ["Enter", "open it"], ["u", "back to all containers"], ["t", "light or dark"], ["?", "this"]];
  show("Keys", h("dl", {class: "keys"}, keys.map(([key, text]) => h("div", null, h("dt", null, key.split(" ").map((one) => h("kbd", null, one))), h("dd", null, text)))));
}
