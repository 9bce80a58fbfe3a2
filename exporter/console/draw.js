// SPDX-License-Identifier: Apache-2.0
// Bars and curves. Each says in words, for who does not see it, what it shows.
import {h, s} from "./dom.js";
import {amount, boundOf, clock, percent, severity} from "./words.js";

const portion = (part, whole) => `${Math.max(0, Math.min(1, part / whole)) * 100}%`;

/** A bar of how near something is to what refuses. */
export function pressureBar() {
  const filled = h("span", {class: "fill"});
  const bar = h("span", {class: "bar", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100"}, filled);
  bar.update = (value, label) => {
    bar.dataset.severity = severity(value);
    filled.style.width = value === null ? "0" : portion(value, 1);
    bar.setAttribute("aria-valuenow", String(Math.min(100, Math.round((value ?? 0) * 100))));
    bar.setAttribute("aria-valuetext", value === null ? "nothing is limited" : `${percent(value)} of ${label}`);
    bar.setAttribute("aria-label", label ?? "pressure");
  };
  return bar;
}

/** How much a whole bar is, so that all of a row's numbers are on it. */
export function scaleOf({held, maxheld, barrier, limit}) {
  return Math.max(limit ?? (barrier ? barrier * 1.15 : maxheld * 1.5), held, barrier ?? 0, 1) * (limit === null ? 1 : 1.02);
}

/** A resource's own: held, the most that it was, barrier and limit on one scale, between the two what is given in need only. */
export function rowBar() {
  const parts = Object.fromEntries(["fill", "reserve", "peak", "barrier", "limit"].map((name) => [name, h("span", {class: name})]));
  const bar = h("span", {class: "bar row-bar", role: "img"}, Object.values(parts));
  bar.update = (row, scale = scaleOf(row)) => {
    const {held, maxheld, barrier, limit, unit} = row, bound = boundOf(row);
    bar.dataset.severity = bound === null ? "none" : severity(row.pressure);
    parts.fill.style.width = portion(held, scale);
    parts.peak.style.left = portion(maxheld, scale);
    parts.peak.hidden = maxheld <= held;
    parts.barrier.hidden = !barrier || (limit !== null && barrier >= limit);
    parts.barrier.style.left = portion(barrier ?? 0, scale);
    parts.limit.hidden = limit === null;
    parts.limit.style.left = portion(limit ?? 0, scale);
    parts.reserve.hidden = parts.barrier.hidden;
    parts.reserve.style.left = portion(barrier ?? 0, scale);
    parts.reserve.style.width = portion((limit ?? scale) - (barrier ?? 0), scale);
    bar.setAttribute("aria-label", `held ${amount(unit, held)}, at most ${amount(unit, maxheld)}, barrier ${amount(unit, barrier)}, limit ${amount(unit, limit)}`);
    bar.title = bar.getAttribute("aria-label");
  };
  return bar;
}

/** Runs of points, broken where there is none. */
function paths(points, x, y) {
  let line = "", area = "", run = [];
  const close = () => {
    if (run.length > 0) {
      const curve = run.map(([px, py], at) => `${at ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
      line += run.length === 1 ? `${curve}h0.1` : curve;
      area += `${curve}L${run.at(-1)[0].toFixed(1)} ${y(0)}L${run[0][0].toFixed(1)} ${y(0)}Z`;
    }
    run = [];
  };
  points.forEach((value, at) => (value === null ? close() : run.push([x(at), y(value)])));
  close();
  return {line, area};
}

/** The last hour in a table's cell: 0 to 100 % of what refuses, the newest at the right. `look`: where it is of something else. */
export function sparkline(width = 132, height = 30, span = 120) {
  const area = s("path", {class: "area"}), line = s("path", {class: "line"}), dot = s("path", {class: "dot"});
  const svg = s("svg", {class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img"}, s("path", {class: "full", d: `M0 3.5H${width}`}), area, line, dot);
  svg.update = (points, look = {}) => {
    const x = (at) => width - 4 - (points.length - 1 - at) * ((width - 6) / (span - 1));
    const y = (value) => Number((height - 2 - Math.min(1, value) * (height - 5.5)).toFixed(1));
    const drawn = paths(points, x, y), last = points.at(-1) ?? null, known = points.filter((point) => point !== null);
    area.setAttribute("d", drawn.area);
    line.setAttribute("d", drawn.line);
    dot.style.display = last === null ? "none" : "";
    dot.setAttribute("d", `M${x(points.length - 1)} ${last === null ? 0 : y(last)}h0`);   // a round end of no length: a dot, however it is stretched
    svg.dataset.severity = look.severity ?? severity(last);
    svg.classList.toggle("free", look.bounded === false);
    svg.setAttribute("aria-label", look.words ?? (known.length ? `last hour: between ${percent(Math.min(...known))} and ${percent(Math.max(...known))}` : "no history yet"));
  };
  return svg;
}

/** An hour of one resource, with its barrier and limit, read off under the pointer or with the arrow keys. */
export function chart({times, points, unit, barrier, limit, label, width}) {
  const height = 210, left = 6, right = 8, top = 14, bottom = 22;
  const known = points.filter((point) => point !== null);
  const highest = Math.max(...known, limit ?? 0, barrier ?? 0, 1);
  const most = limit === null && barrier === null ? highest * 1.25 : Math.max(...known) * 12 < highest ? Math.max(...known, 1) * 3 : highest * 1.08;
  const x = (at) => left + (at / Math.max(1, points.length - 1)) * (width - left - right);
  const y = (value) => Number((height - bottom - (value / most) * (height - top - bottom)).toFixed(1));
  const drawn = paths(points, x, y);
  const mark = (value, kind, below) => value !== null && value > 0 && value <= most &&
    s("g", {class: kind}, s("path", {d: `M${left} ${y(value)}H${width - right}`}), s("text", {x: width - right, y: y(value) + (below ? 13 : -5), "text-anchor": "end", class: "mark"}, `${kind} ${amount(unit, value)}`));
  const ticks = (width < 520 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((part) => Math.round(part * (times.length - 1)));
  const cursor = s("g", {class: "cursor"}, s("path", {}), s("circle", {r: "3.5"}));
  const svg = s("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${label}, the last hour: between ${amount(unit, Math.min(...known))} and ${amount(unit, Math.max(...known))}`},
    s("path", {class: "base", d: `M${left} ${y(0)}H${width - right}`}),
    s("path", {class: "area", d: drawn.area}), s("path", {class: "line", d: drawn.line}),
    mark(barrier, "barrier", limit !== null && limit !== barrier && Math.abs(y(limit) - y(barrier)) < 20), limit !== barrier && mark(limit, "limit", false),
    ticks.map((at, tick) => s("text", {class: "tick", x: x(at), y: height - 6, "text-anchor": tick === 0 ? "start" : at === times.length - 1 ? "end" : "middle"}, clock(times[at]))), cursor);
  const reading = h("output", {class: "reading"});
  const figure = h("div", {class: "chart-box", tabindex: "0", role: "group", "aria-label": `${label}: arrow keys read off the hour`}, svg, reading);
  let at = -1;
  const read = (wanted) => {
    at = Math.max(0, Math.min(points.length - 1, wanted));
    const value = points[at];
    cursor.classList.toggle("shown", value !== null);
    reading.textContent = `${clock(times[at])}  ${value === null ? "not running" : amount(unit, value)}`;
    if (value === null) return;
    cursor.children[0].setAttribute("d", `M${x(at).toFixed(1)} ${top}V${y(0)}`);
    cursor.children[1].setAttribute("cx", x(at).toFixed(1));
    cursor.children[1].setAttribute("cy", String(y(value)));
  };
  const leave = () => { cursor.classList.remove("shown"); reading.textContent = ""; at = -1; };
  figure.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    read(Math.round((((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * (points.length - 1)));
  });
  figure.addEventListener("pointerleave", leave);
  figure.addEventListener("blur", leave);
  figure.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    read((at < 0 ? points.length - 1 : at) + (event.key === "ArrowLeft" ? -1 : 1));
  });
  return figure;
}
