/**
 * Elements, made by hand. What is said on the log is hostile input: it only ever becomes a text node or an attribute
 * that cannot run, so there is nothing to escape and nothing to forget.
 */

import { atThatMoment } from "./moment.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: `on…` are listeners, true and false are boolean attributes, null and undefined are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Put children in the place of what an element holds. */
export function put(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** A link to a page of ours; any other address is refused. */
export function link(href, attributes, ...children) {
  if (!/^\/(?!\/)/.test(href)) throw new Error(`not a page of ours: ${href}`);
  const element = h("a", attributes, ...children);
  element.href = atThatMoment(href);
  return element;
}

/** The address of a page with the parameters that are given. */
export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** The address of an example. */
export function exampleAddress(id) {
  return `/examples/${encodeURIComponent(id)}`;
}

/** Set a custom property or another style; a style attribute would be refused by the page's own rules. */
export function styled(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
  return element;
}

/** A key on a keyboard. */
export function key(name) {
  return h("kbd", {}, name);
}

/** Text for those who do not see the page. */
export function unseen(...children) {
  return h("span", { class: "unseen" }, ...children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (["href", "src", "style", "srcdoc", "action", "formaction"].includes(name))
      throw new Error(`use no ${name} here`);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
