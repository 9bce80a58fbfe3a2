// SPDX-License-Identifier: Apache-2.0
// Elements without a framework. Text is always text: nothing that a container calls itself becomes markup.

const svgSpace = document.getElementById("icons").namespaceURI;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);   // by the object model: the policy allows no style attribute
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(svgSpace, tag), attributes, children);
export const icon = (name) => s("svg", {class: "icon", "aria-hidden": "true", focusable: "false"}, s("use", {href: `#i-${name}`}));

/** Sets text only where it differs: a screen reader and a selection are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The children in this order, moving only those that are elsewhere: what has the focus keeps it. */
export function order(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}

export const button = (text, {name, kind, ...attributes} = {}) =>
  h("button", {type: "button", class: `button ${kind ?? ""}`, ...attributes}, name && icon(name), h("span", null, text));

/** A word in the corner that goes by itself. */
export function toast(text, kind = "good") {
  const shown = h("div", {class: `toast ${kind}`, role: kind === "bad" ? "alert" : null}, icon(kind === "bad" ? "alert" : "check"), h("span", null, text));
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), kind === "bad" ? 9000 : 4500);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("This browser does not let a page copy: select the line instead", "bad");
  }
}
