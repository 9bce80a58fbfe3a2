// SPDX-License-Identifier: Apache-2.0
// All containers, nearest to a barrier first.
import {button, h, icon, order, say} from "./dom.js";
import {pressureBar, sparkline} from "./draw.js";
import {folded, nothingRefused, refusalCard} from "./refusals.js";
import {count, meanings, nameOf, percent, plural, severity} from "./words.js";

const kNear = 0.75;
const filters = {
  all: {label: "All", keep: () => true},
  near: {label: "Near a barrier", keep: (one) => (one.pressure?.value ?? 0) >= kNear},
  refused: {label: "Refused", keep: (one) => one.failures > 0},
  stopped: {label: "Stopped", keep: (one) => one.state === "stopped"},
};
const sorts = {
  pressure: {label: "Nearest a barrier", by: (a, b) => (b.pressure?.value ?? -1) - (a.pressure?.value ?? -1)},
  failures: {label: "Most refused", by: (a, b) => b.failures - a.failures},
  name: {label: "Name", by: (a, b) => nameOf(a).localeCompare(nameOf(b), undefined, {numeric: true})},
  id: {label: "Number", by: (a, b) => a.id - b.id},
};

function fleetRow(one) {
  const name = h("a", {class: "row-link", href: `#/ct/${one.id}`}), under = h("span", {class: "under"});
  const resource = h("span", {class: "nearest"}), value = h("span", {class: "percent"}), bar = pressureBar(), spark = sparkline();
  const refused = h("span", {class: "badge"}), state = h("span", {class: "state"});
  const row = h("tr", null,
    h("td", {class: "c-name"}, h("span", {class: "state-dot"}), h("span", {class: "names"}, name, under)),
    h("td", {class: "c-pressure"}, h("span", {class: "pressure-words"}, resource, value), bar),
    h("td", {class: "c-trend"}, spark), h("td", {class: "c-refused"}, refused), h("td", {class: "c-state"}, state, icon("next")));
  row.addEventListener("click", (event) => { if (!event.target.closest("a") && !String(getSelection())) name.click(); });
  row.update = (now) => {
    const near = now.pressure, running = now.state === "running";
    row.className = `fleet-row ${now.state}`;
    row.dataset.severity = severity(near?.value);
    say(name, nameOf(now));
    say(under, [now.name ? now.id : null, now.hostname || null, now.kind === "adopted" ? "adopted" : now.ostemplate || null].filter(Boolean).join(" · "));
    say(resource, running ? near?.resource ?? "nothing is limited" : "—");
    resource.title = meanings[near?.resource] ?? "";
    say(value, running && near ? percent(near.value) : "");
    bar.hidden = !running;
    bar.update(near?.value ?? null, near?.resource);
    spark.update(now.trend ?? []);
    spark.style.visibility = running || now.trend?.some((point) => point !== null) ? "" : "hidden";
    say(refused, now.failures ? count(now.failures) : "");
    refused.title = now.failures ? plural(now.failures, "refused charge") : "";
    refused.classList.toggle("hot", now.failures > 0);
    say(state, running ? "Running" : "Stopped");
  };
  row.update(one);
  return row;
}

const tile = (label) => {
  const value = h("b"), note = h("span", {class: "tile-note"});
  const made = h("div", {class: "tile"}, h("span", {class: "tile-label"}, label), value, note);
  made.set = (text, under = "", kind = "") => { say(value, text); say(note, under); made.dataset.severity = kind; };
  return made;
};

const empty = () => h("div", {class: "empty"}, icon("box"), h("h2", null, "No containers yet"),
  h("p", null, "This host has none: make one, or take in one that something else started."),
  h("pre", null, "ubctl template build debian-12\nubctl create 101 --ostemplate debian-12 --name web\nubctl start web"), h("pre", null, "ubctl adopt web2 --podman web2 --numproc 100"));

/** The view; `store`: {containers: Map, refusals, host, mayChange}. */
export function fleetView(store, {cure}) {
  const rows = new Map();
  const view = {filter: "all", sort: sessionStorage.getItem("ubc-sort") ?? "pressure", text: ""};
  const tiles = {running: tile("Containers running"), near: tile("Near a barrier"), refused: tile("Refused containers"), nearest: tile("Nearest")};
  const search = h("input", {type: "search", id: "search", placeholder: "Find a container", "aria-label": "Find a container", autocomplete: "off", spellcheck: "false"});
  const chips = Object.entries(filters).map(([key, {label}]) => {
    const number = h("span", {class: "chip-count"});
    const chip = h("button", {type: "button", class: "chip", onclick: () => { view.filter = key; update(); }}, label, number);
    return Object.assign(chip, {key, number});
  });
  const sort = h("select", {"aria-label": "Sort", id: "sort"}, Object.entries(sorts).map(([key, {label}]) => h("option", {value: key, selected: key === view.sort}, label)));
  const body = h("tbody"), none = h("p", {class: "empty-line nothing-found", hidden: true}), refusals = h("div", {class: "refusal-list"});
  const table = h("table", {class: "fleet"},
    h("caption", {class: "unseen"}, "Containers and how near each is to a barrier"),
    h("thead", null, h("tr", null, ["Container", "Nearest barrier", "Last hour", "Refused", "State"].map((text, at) => h("th", {scope: "col", class: ["c-name", "c-pressure", "c-trend", "c-refused", "c-state"][at]}, text)))), body);
  const list = h("section", {class: "panel fleet-panel", "aria-label": "Containers"},
    h("div", {class: "toolbar"}, h("label", {class: "search"}, icon("search"), search, h("kbd", null, "/")), h("div", {class: "chips", role: "group", "aria-label": "Show"}, chips), h("label", {class: "sort"}, h("span", null, "Sort"), sort)),
    table, none);
  const feed = h("aside", {class: "panel feed", "aria-label": "Last refusals"}, h("h2", null, "Last refusals"), refusals);
  const nothing = empty();
  const root = h("div", {class: "fleet-view"}, h("h1", {class: "unseen"}, "Containers"), h("div", {class: "tiles"}, Object.values(tiles)), h("div", {class: "split"}, list, feed), nothing);
  search.addEventListener("input", () => { view.text = search.value.trim().toLowerCase(); update(); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") body.querySelector("a")?.click();
    if (event.key === "Escape") { search.value = view.text = ""; search.blur(); update(); }
  });
  sort.addEventListener("change", () => { view.sort = sort.value; sessionStorage.setItem("ubc-sort", sort.value); update(); });

  function updateTiles(all) {
    const running = all.filter((one) => one.state === "running"), near = all.filter(filters.near.keep), refused = all.filter(filters.refused.keep);
    const nearest = [...running].sort(sorts.pressure.by)[0];
    tiles.running.set(count(running.length), `${count(all.length - running.length)} stopped`);
    tiles.near.set(count(near.length), "at 75% or more", near.length ? "warm" : "calm");
    tiles.refused.set(count(refused.length), plural(refused.reduce((sum, one) => sum + one.failures, 0), "refusal"), refused.length ? "hot" : "calm");
    tiles.nearest.set(nearest?.pressure ? percent(nearest.pressure.value) : "—", nearest?.pressure ? `${nameOf(nearest)}, ${nearest.pressure.resource}` : "nothing is limited", severity(nearest?.pressure?.value));
  }

  function update() {
    const all = [...store.containers.values()];
    nothing.hidden = all.length > 0;
    root.classList.toggle("is-empty", all.length === 0);
    updateTiles(all);
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", String(chip.key === view.filter));
      say(chip.number, count(all.filter(filters[chip.key].keep).length));
    }
    const matches = (one) => !view.text || [nameOf(one), String(one.id), one.hostname, one.ostemplate, one.pressure?.resource ?? ""].some((text) => text.toLowerCase().includes(view.text));
    const shown = all.filter(filters[view.filter].keep).filter(matches).sort((a, b) => sorts[view.sort].by(a, b) || a.id - b.id);
    for (const id of rows.keys()) if (!store.containers.has(id)) rows.delete(id);
    order(body, shown.map((one) => {
      if (!rows.has(one.id)) rows.set(one.id, fleetRow(one));
      const row = rows.get(one.id);
      if (row.shown !== one) row.update(one);
      row.shown = one;
      return row;
    }));
    none.hidden = shown.length > 0 || all.length === 0;
    table.hidden = shown.length === 0;
    if (!none.hidden) none.replaceChildren(icon("search"), view.text ? `No container matches “${search.value.trim()}”.` : `No container is ${view.filter === "near" ? "near a barrier" : view.filter}.`);
  }

  function updateRefusals() {
    const cards = folded(store.refusals).slice(0, 12).map(({refusal, times}) => refusalCard(refusal, {named: true, times, cure: store.mayChange() ? cure : null}));
    refusals.replaceChildren(...(cards.length ? cards : [nothingRefused("The kernel remembers no refusal.")]));
  }
  update();
  updateRefusals();
  return {root, title: "Containers", update, updateRefusals, focusSearch: () => search.focus(), rows: () => [...body.querySelectorAll("a.row-link")]};
}
