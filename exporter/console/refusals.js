// SPDX-License-Identifier: Apache-2.0
// Who was refused what, and what would cure it.
import {button, copy, h, icon} from "./dom.js";
import {agoOf, amount, meanings, nameOf} from "./words.js";

const units = {};   // by resource, learnt from rows; what was never seen is items
export const learnUnits = (rows) => rows.forEach((row) => { units[row.resource] = row.unit; });
const kBytes = /^(kmemsize|tcpsndbuf|tcprcvbuf|othersockbuf|dgramrcvbuf|dcachesize)$/;
const unitOf = (resource) => units[resource] ?? (resource.endsWith("pages") ? "pages" : kBytes.test(resource) ? "bytes" : "items");

/** A refusal as a card. `cure`: called with it where the viewer may set limits. */
export function refusalCard(refusal, {named, cure, times} = {}) {
  const unit = unitOf(refusal.resource), text = (value) => amount(unit, value);
  const who = refusal.pid === 0 ? "nobody in particular" : refusal.comm;
  return h("article", {class: "refusal"},
    h("header", null,
      named && h("a", {class: "refusal-name", href: `#/ct/${refusal.ctid}`}, nameOf({name: refusal.name, id: refusal.ctid})),
      h("strong", {title: meanings[refusal.resource]}, refusal.resource),
      times > 1 && h("span", {class: "badge hot"}, `${times} times`),
      h("time", {datetime: refusal.time, title: new Date(refusal.time).toLocaleString(), class: "muted"}, agoOf(refusal.time))),
    h("p", null, h("code", {class: "program"}, who), refusal.pid !== 0 && h("span", {class: "muted"}, ` pid ${refusal.pid}, uid ${refusal.uid} inside`),
      ` wanted ${text(refusal.amount)} more by ${refusal.call}, at ${text(refusal.held)} of ${text(refusal.barrier)}`),
    refusal.cure && h("div", {class: "cure"},
      h("code", {class: "command", tabindex: "0"}, refusal.cure.command),
      h("span", {class: "cure-buttons"},
        button("Copy", {name: "copy", kind: "small quiet", "aria-label": `Copy: ${refusal.cure.command}`, onclick: () => copy(refusal.cure.command)}),
        cure && button("Raise…", {name: "edit", kind: "small", onclick: () => cure(refusal)}))));
}

export const kernelCard = ({resource, failcnt}) =>
  h("article", {class: "refusal"},
    h("header", null, h("strong", {title: meanings[resource]}, resource), h("span", {class: "badge hot"}, `${failcnt} times`)),
    h("p", null, "Refused by the memory controller, which names no program: the guest's own log has the OOM killer's words."));

/** Storms fold into one card each: the latest of a container and resource, with how many there were. */
export function folded(refusals) {
  const seen = new Map();
  for (const refusal of refusals) {
    const key = `${refusal.ctid} ${refusal.resource} ${refusal.comm}`;
    if (seen.has(key)) ++seen.get(key).times;
    else seen.set(key, {refusal, times: 1});
  }
  return [...seen.values()];
}

export const nothingRefused = (words) => h("p", {class: "empty-line"}, icon("check"), words);
