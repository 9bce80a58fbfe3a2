// SPDX-License-Identifier: Apache-2.0
// What a container uses besides its beancounters, as cards: now, the hour, of which limit. Of sums two readings make a rate.
import {h, order, say} from "./dom.js";
import {pressureBar, sparkline} from "./draw.js";
import {amount, count, percent, severity} from "./words.js";

const kCards = [["cputime", "CPU"], ["diskspace", "Disk space"], ["ioread", "Disk reads"], ["iowritten", "Disk writes"], ["netreceived", "Network in"], ["netsent", "Network out"]];
const kRoom = 1.25;   // above the highest point of what has no limit

/** Of a second; CPU time as a part of one CPU, as ubctl set --cpulimit has it. */
const rateText = (unit, rate) => (unit === "seconds" ? `${Math.round(rate * 100)}%` : unit === "items" ? `${count(Math.round(rate))}/s` : `${amount("bytes", Math.round(rate))}/s`);
const timeText = (seconds) => (seconds < 120 ? `${seconds.toFixed(1)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${count(Math.round(seconds / 3600))} h`);

/** Beside the number: what else is known of the same thing. */
const notes = {
  cputime: ({row, rates}) => (row("cputhrottled")?.held ? `${timeText(row("cputime").held)} in all, ${rates.cputhrottled ? `throttled ${Math.round(rates.cputhrottled * 100)}% of the time` : `throttled for ${timeText(row("cputhrottled").held)}`}` : `${timeText(row("cputime").held)} in all`),
  diskspace: ({row}) => row("diskinodes") && `${count(row("diskinodes").held)}${row("diskinodes").limit === null ? "" : ` of ${count(row("diskinodes").limit)}`} files`,
  ioread: ({row, rates}) => `${amount("bytes", row("ioread").held)} in all${rates.ioreads === undefined ? "" : `, ${rateText("items", rates.ioreads)}`}`,
  iowritten: ({row, rates}) => `${amount("bytes", row("iowritten").held)} in all${rates.iowrites === undefined ? "" : `, ${rateText("items", rates.iowrites)}`}`,
  netreceived: ({row}) => `${amount("bytes", row("netreceived").held)} in all`,
  netsent: ({row}) => `${amount("bytes", row("netsent").held)} in all`,
};
const kAtLimit = {throttled: "more waits", refused: "more is refused"};

function card(title) {
  const value = h("b"), of = h("span", {class: "usage-of"}), bar = pressureBar(), spark = sparkline(220, 44), note = h("p", {class: "usage-note"});
  const root = h("article", {class: "usage-card", "aria-label": title}, h("h3", null, title), h("p", {class: "usage-now"}, value, of), bar, spark, note);
  return {
    root,
    update(row, now, points, words) {
      const bound = row.barrier ?? row.limit, near = bound && now !== null ? now / bound : null;
      const text = (number) => (row.limit_per_second ? rateText(row.unit, number) : amount(row.unit, number));
      say(value, now === null ? "…" : text(now));
      value.dataset.severity = severity(near);
      say(of, bound === null ? "" : `of ${text(bound)}`);
      of.title = kAtLimit[row.at_limit] ?? "";
      bar.hidden = bound === null;
      bar.update(near, `${title}'s limit`);
      const known = points.filter((point) => point !== null), highest = Math.max(...known, now ?? 0);
      const scale = bound ?? Math.max(highest * kRoom, Number.MIN_VALUE);
      spark.update(points.map((point) => (point === null ? null : point / scale)), {
        severity: bound === null ? "plain" : severity(near), bounded: bound !== null,
        words: known.length ? `${title}, last hour: between ${text(Math.min(...known))} and ${text(highest)}` : "no history yet"});
      say(note, words || "");
    },
  };
}

export function usagePanel() {
  const made = new Map(kCards.map(([name, title]) => [name, card(title)]));
  const cards = h("div", {class: "usage-cards"}), root = h("section", {class: "panel usage", "aria-label": "Disk, CPU, IO and network"}, h("h2", null, "Disk, CPU, IO and network"), cards);
  let before = null, rates = {}, now = null, history = {};

  function draw() {
    if (!now) return;
    const row = (name) => now.rows.find((one) => one.name === name);
    const shown = kCards.map(([name]) => name).filter(row);
    root.hidden = shown.length === 0;
    for (const name of shown) {
      const points = history[name] ?? [], one = row(name);
      made.get(name).update(one, one.limit_per_second ? rates[name] ?? points.at(-1) ?? null : one.held, points, notes[name]({row, rates}));
    }
    order(cards, shown.map((name) => made.get(name).root));
  }

  return {
    root,
    setUsage(usage) {
      before = now;
      now = usage;
      const passed = before ? now.at - before.at : 0;
      if (passed > 0) {
        const then = new Map(before.rows.map((one) => [one.name, one.held]));
        rates = Object.fromEntries(now.rows.filter((one) => one.limit_per_second && then.get(one.name) <= one.held).map((one) => [one.name, (one.held - then.get(one.name)) / passed]));
      }
      draw();
    },
    setHistory(of) { history = of; draw(); },
  };
}
