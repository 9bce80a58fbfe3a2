// SPDX-License-Identifier: Apache-2.0
// The page: what is known of the host, which view shows it, and the stream that keeps both true.
import {get, listen, signOut, signedIn} from "./api.js";
import {containerView} from "./container.js";
import {helpDialog, limitDialog, signInView, verbDialog} from "./dialogs.js";
import {h, icon, say, toast} from "./dom.js";
import {fleetView} from "./fleet.js";
import {agoOf, amount} from "./words.js";

const kTrend = 60_000, kRetry = 3_000, kMostRefusals = 200;
const main = document.getElementById("main"), notices = document.getElementById("notices"), live = document.getElementById("live"), liveText = document.getElementById("live-text");

const store = {
  host: null, containers: new Map(), refusals: [],
  mayChange: () => store.host?.you.may_change === true,
};
let view = null, stream = null, lastHeard = 0;

function setLive(state, text) {
  live.dataset.state = state;
  say(liveText, text);
}

function notice(key, text) {
  const there = notices.querySelector(`[data-key="${key}"]`);
  if (!text) return there?.remove();
  if (there) return say(there.lastChild, text);
  notices.append(h("p", {class: "notice", "data-key": key}, icon("alert"), h("span", null, text)));
}

function show(next) {
  view = next;
  main.replaceChildren(next.root);
  document.title = `${next.title} · ubc`;
}

function failed(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) return askWho(signedIn() ? error.message : null);
  if (view === null || error.status === 404) {
    show({root: h("div", {class: "empty"}, icon("alert"), h("h2", null, error.status === 404 ? "Not here" : "ubcd does not answer"), h("p", null, error.message), h("p", null, h("a", {href: "#/"}, "All containers"))), title: "Trouble", update() {}, updateRefusals() {}, rows: () => []});
  } else if (error.status !== 0) {
    toast(error.message, "bad");
  }
}

function askWho(message) {
  stream?.abort();
  signOut();
  setLive("off", "signed out");
  document.getElementById("who").replaceChildren();
  store.host = null;
  const form = signInView(message, route);
  show({...form, update() {}, updateRefusals() {}, rows: () => []});
  form.focus();
}

function takeHost(host) {
  store.host = host;
  document.getElementById("host").replaceChildren(h("b", null, host.hostname), h("span", {class: "muted"}, `${host.kernel} · ${host.cpus} CPUs · ${amount("bytes", host.memory_bytes)}`));
  const out = () => { signOut(); askWho(null); };
  document.getElementById("who").replaceChildren(...(signedIn() ? [h("span", null, host.you.name), host.you.role === "admin" ? h("span", {class: "pill"}, "admin") : "", h("button", {type: "button", class: "link", onclick: out}, "Sign out")] : []));
  notice("hooks", host.hooks_attached ? "" : "No hooks are attached: only the memory controller counts and refuses here. The first ubctl start attaches them.");
  notice("unreadable", host.unreadable.join(". "));
}

async function loadContainers(signal) {
  const said = await get("containers?view=summary", signal);
  store.containers = new Map(said.containers.map((one) => [one.id, one]));
}
async function loadRefusals(signal) { store.refusals = (await get("refusals", signal)).refusals; }

const edit = (container, row, suggested) => limitDialog(container, row, suggested, () => view.refresh?.());

/** From a card of the list: its row is not known there. */
async function cureFromList(refusal) {
  try {
    const container = await get(`containers/${refusal.ctid}`);
    edit(container, container.beancounters.find((row) => row.resource === refusal.resource), refusal.cure.limits);
  } catch (error) { failed(error); }
}

async function openFleet(signal) {
  await Promise.all([loadContainers(signal), loadRefusals(signal)]);
  const next = fleetView(store, {cure: cureFromList});
  show(next);
  const again = setInterval(() => loadContainers(signal).then(() => next.update()).catch(failed), kTrend);
  signal.addEventListener("abort", () => clearInterval(again));
}

async function openContainer(id, signal) {
  const path = `containers/${encodeURIComponent(id)}`;
  const container = await get(path, signal);
  const may = store.mayChange();
  const next = containerView(store, container.id, {
    edit: may && ((of, row) => edit(of, row)),
    cure: may && ((refusal) => edit(next.container, next.row(refusal.resource), refusal.cure.limits)),
    run: may && ((of, verb) => verbDialog(of, verb, () => next.refresh())),
  });
  next.refresh = async () => {
    try {
      next.setContainer(await get(path, signal));
      next.setRefusals(await get(`${path}/refusals`, signal));
      next.setUsage(await get(`${path}/usage`, signal));
    } catch (error) { failed(error); }
  };
  next.setContainer(container);
  const hour = async () => next.setHistory(await get(`${path}/history`, signal));
  await Promise.all([hour(), next.refresh()]);
  show(next);
  const again = setInterval(() => hour().catch(failed), kTrend / 2);
  signal.addEventListener("abort", () => clearInterval(again));
}

const heard = {
  open() { lastHeard = Date.now(); setLive("on", "live"); notice("lost", ""); },
  containers({changed, gone}) {
    for (const one of changed) store.containers.set(one.id, {trend: store.containers.get(one.id)?.trend, ...one});
    for (const id of gone) store.containers.delete(id);
    view.update();
  },
  container(now) { if (view.container?.id === now.id) view.setContainer(now); },
  usage(now) { view.setUsage?.(now); },
  refusal(refusal) {
    store.refusals.unshift(refusal);
    store.refusals.length = Math.min(store.refusals.length, kMostRefusals);
    view.updateRefusals();
    if (view.container?.id === refusal.ctid) view.refresh();
  },
  missed() {},
  action({ctid}) { if (view.container?.id === ctid) view.refresh(); },
};

/** Listens for as long as this view is shown; comes again when the line breaks. */
async function follow(path, signal) {
  while (!signal.aborted) {
    try {
      await listen(path, (name, data) => { lastHeard = Date.now(); heard[name]?.(data); }, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) return failed(error);
    }
    if (signal.aborted) return;
    setLive("off", "not connected");
    notice("lost", `ubcd is not heard: this is as it was at ${new Date(lastHeard || Date.now()).toLocaleTimeString()}. Trying again.`);
    await new Promise((wake) => setTimeout(wake, kRetry));
    try {
      takeHost(await get("host", signal));
      await (view.refresh ? view.refresh() : loadContainers(signal).then(() => view.update()));
    } catch (error) { if (error.status === 401) return failed(error); }
  }
}

async function route() {
  stream?.abort();
  stream = new AbortController();
  const {signal} = stream;
  const id = location.hash.match(/^#\/ct\/(.+)$/)?.[1];
  try {
    if (!store.host) {
      const {you} = await get("session", signal);
      if (!you) return askWho(null);
      takeHost(await get("host", signal));
    }
    await (id ? openContainer(decodeURIComponent(id), signal) : openFleet(signal));
    if (signal.aborted) return;
    scrollTo(0, 0);
    follow(id ? `events?container=${encodeURIComponent(decodeURIComponent(id))}` : "events", signal);
  } catch (error) {
    failed(error);
    if (error.status === 0 && !signal.aborted) setTimeout(() => { if (!signal.aborted) route(); }, kRetry);
  }
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.getElementById("theme").replaceChildren(icon(dark ? "sun" : "moon"));
}
function flipTheme() {
  const dark = document.documentElement.dataset.theme !== "dark";
  localStorage.setItem("ubc-theme", dark ? "dark" : "light");
  setTheme(dark);
}

function step(by) {
  const rows = view.rows(), at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))]?.focus();
}
const keys = {"/": () => view.focusSearch?.(), j: () => step(1), k: () => step(-1), u: () => { location.hash = "#/"; }, t: flipTheme, "?": helpDialog};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, dialog")) return;
  const act = keys[event.key];
  if (!act || view === null) return;
  event.preventDefault();
  act();
});
setInterval(() => document.querySelectorAll("time[datetime]").forEach((time) => say(time, agoOf(time.dateTime))), 5_000);
document.getElementById("theme").addEventListener("click", flipTheme);
addEventListener("hashchange", route);
setTheme(document.documentElement.dataset.theme === "dark");
route();
