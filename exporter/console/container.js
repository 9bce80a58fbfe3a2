// SPDX-License-Identifier: Apache-2.0
// One container: every resource with its barrier and limit drawn, its hour, what it uses besides, what it was refused.
import {button, h, icon, order, say} from "./dom.js";
import {chart, rowBar, sparkline} from "./draw.js";
import {folded, kernelCard, learnUnits, nothingRefused, refusalCard} from "./refusals.js";
import {usagePanel} from "./usage.js";
import {amount, boundOf, count, meanings, nameOf, pairOf, percent, severity, span} from "./words.js";

const kColumns = [["Resource", "c-resource"], ["Held, barrier and limit", "c-bar"], ["Held", "number"], ["Peak", "number"], ["Barrier", "number"], ["Limit", "number"], ["Refused", "number"], ["", "c-edit"]];

function resourceRow(row, view) {
  const cell = (kind, label) => h("td", {class: kind, "data-label": label});
  const held = cell("number c-held", "Held"), peak = cell("number", "Peak"), barrier = cell("number", "Barrier"), limit = cell("number", "Limit"), failed = cell("number c-failed", "Refused");
  const bar = rowBar(), toggle = h("button", {type: "button", class: "resource-name", "aria-expanded": "false"}, icon("next"), h("span", null, row.resource));
  const edit = h("td", {class: "c-edit"}, view.edit && h("button", {type: "button", class: "icon-button", "aria-label": `Change the limit of ${row.resource}`, title: "Change the limit", onclick: () => view.edit(made.row)}, icon("edit")));
  const line = h("tr", {class: "resource"}, h("th", {scope: "row", class: "c-resource"}, toggle, h("span", {class: "under"}, meanings[row.resource] ?? "")), h("td", {class: "c-bar"}, bar), held, peak, barrier, limit, failed, edit);
  const inside = h("td", {colspan: String(kColumns.length)}), more = h("tr", {class: "more", hidden: true}, inside);
  const made = {line, more, row, open: false};
  made.update = (now) => {
    made.row = now;
    line.dataset.severity = boundOf(now) === null ? "none" : severity(now.pressure);
    bar.update(now);
    say(held, amount(now.unit, now.held));
    say(peak, amount(now.unit, now.maxheld));
    for (const [where, value] of [[barrier, now.barrier], [limit, now.limit]]) {
      say(where, value === null ? "—" : value === 0 ? "0" : amount(now.unit, value));
      where.title = value === null ? "unlimited" : `${count(value)} ${now.unit}`;
    }
    say(failed, now.failcnt ? count(now.failcnt) : "0");
    failed.classList.toggle("hot", now.failcnt > 0);
  };
  made.draw = () => {
    const points = view.history?.held[made.row.resource];
    inside.replaceChildren(points?.some((point) => point !== null)
      ? chart({times: view.history.times, points, unit: made.row.unit, barrier: made.row.barrier || null, limit: made.row.limit, label: made.row.resource, width: Math.max(280, inside.clientWidth - 36)})
      : h("p", {class: "empty-line"}, "Nothing of it was held in the last hour."));
  };
  const flip = () => {
    made.open = !made.open;
    more.hidden = !made.open;
    toggle.setAttribute("aria-expanded", String(made.open));
    if (made.open) made.draw();
  };
  toggle.addEventListener("click", flip);
  made.flip = flip;
  made.update(row);
  return made;
}

const fact = (term, value) => value && h("div", null, h("dt", null, term), h("dd", null, value));

/** The view; `act`: {edit(row), cure(refusal), run(verb)}, each only where the viewer may. */
export function containerView(store, id, act) {
  let container = null, history = null, refusals = null;
  const rows = new Map();
  const view = {edit: act.edit && ((row) => act.edit(container, row)), get history() { return history; }};
  const title = h("h1"), state = h("span", {class: "pill"}), actions = h("div", {class: "actions"}), facts = h("dl", {class: "facts"});
  const nearest = h("p", {class: "nearest-line"}), spark = sparkline(600, 64), body = h("tbody");
  const onlyLimited = h("input", {type: "checkbox", id: "only-limited"});
  const table = h("table", {class: "resources"}, h("caption", {class: "unseen"}, "Resources"), h("thead", null, h("tr", null, kColumns.map(([text, kind]) => h("th", {scope: "col", class: kind}, text || h("span", {class: "unseen"}, "Change"))))), body);
  const last = h("div", {class: "refusal-list"}), usage = usagePanel();
  const root = h("div", {class: "container-view"},
    h("a", {class: "back", href: "#/"}, icon("back"), "All containers"),
    h("header", {class: "container-head"}, h("div", {class: "title-line"}, title, state), actions, facts),
    h("section", {class: "panel hour", "aria-label": "Last hour"}, h("div", null, h("h2", null, "Nearest barrier"), nearest), spark),
    usage.root,
    h("section", {class: "panel", "aria-label": "Last refusals"}, h("h2", null, "Last refusals"), last),
    h("section", {class: "panel", "aria-label": "Resources"}, h("div", {class: "panel-head"}, h("h2", null, "Resources"),
      h("span", {class: "legend"}, h("i", {class: "key held"}), "held", h("i", {class: "key peak"}), "peak", h("i", {class: "key barrier"}), "barrier", h("i", {class: "key limit"}), "limit"),
      h("label", {class: "check"}, onlyLimited, "only what is limited")), table));
  onlyLimited.addEventListener("change", updateRows);

  function updateHead() {
    const running = container.state === "running", near = container.pressure;
    say(title, nameOf(container));
    say(state, running ? "Running" : "Stopped");
    state.className = `pill ${container.state}`;
    facts.replaceChildren(...[
      fact("Number", `${container.id}`), fact("Host name", container.hostname), fact("Template", container.ostemplate),
      fact("Kind", container.kind === "adopted" ? "adopted: started by others" : null), fact("Limits", container.mode === "vswap" ? "VSwap: RAM and swap" : "classic"),
      fact("Up", running && container.started_at ? span(Date.now() / 1000 - container.started_at) : null), fact("Cgroup", container.cgroup && h("code", null, container.cgroup))].filter(Boolean));
    nearest.replaceChildren(...(!running ? ["It does not run: nothing is held."] : near ? [h("b", {"data-severity": severity(near.value)}, percent(near.value)), ` of ${near.resource}, `, h("span", {class: "muted"}, meanings[near.resource] ?? "")] : ["Nothing of it is limited."]));
    updateActions(running);
  }

  function updateActions(running) {
    const wanted = !act.run || container.kind === "adopted" ? "" : running ? "stop" : "start";
    if (actions.dataset.for === wanted) return;
    actions.dataset.for = wanted;
    const verb = (name, text, kind) => button(text, {name: name === "start" ? "play" : name, kind, onclick: () => act.run(container, name)});
    actions.replaceChildren(...(wanted === "stop" ? [verb("restart", "Restart…", "quiet"), verb("stop", "Stop…", "danger")] : wanted === "start" ? [verb("start", "Start", "primary")] : []));
  }

  function updateRows() {
    const shown = [];
    for (const row of container.beancounters) {
      if (!rows.has(row.resource)) rows.set(row.resource, resourceRow(row, view));
      const made = rows.get(row.resource);
      made.update(row);
      if (!onlyLimited.checked || boundOf(row) !== null) shown.push(made.line, made.more);
    }
    order(body, shown);
  }

  function updateRefusals() {
    if (!refusals) return;
    const cards = [...folded(refusals.refusals).map(({refusal}) => refusalCard(refusal, {cure: act.cure, times: rows.get(refusal.resource)?.row.failcnt})), ...refusals.by_the_kernel.map(kernelCard)];
    last.replaceChildren(...(cards.length ? cards : [nothingRefused("It was refused nothing.")]));
  }

  return {
    root, get title() { return container ? nameOf(container) : `${id}`; },
    setContainer(now) {
      container = now;
      learnUnits(now.beancounters);
      updateHead();
      updateRows();
    },
    setHistory(now) {
      history = now;
      spark.update(now.pressure);
      usage.setHistory(now.usage);
      for (const made of rows.values()) if (made.open) made.draw();
    },
    setUsage: usage.setUsage,
    setRefusals(now) { refusals = now; updateRefusals(); },
    get container() { return container; },
    row: (resource) => rows.get(resource)?.row,
    update() {}, updateRefusals() {}, rows: () => [...body.querySelectorAll("button.resource-name")],
  };
}
