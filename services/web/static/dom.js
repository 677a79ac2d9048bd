/**
 * Elements, built by calls. Texts from the log are hostile input: each only ever becomes a text node or an attribute
 * that cannot run, so there is nothing to escape and nothing to forget.
 */

import { atSameMoment } from "./moment.js";

/**
 * What an element can contain; null, undefined and false are left out. Numbers are refused: `n && …` would show a 0,
 * and people read "1,247".
 *
 * @typedef {Node | string | false | null | undefined | Child[]} Child
 */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => unknown)>} Attributes */

/**
 * An element: `on…` are listeners, true and false are boolean attributes, null and undefined are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...nodes(children));
  return element;
}

/**
 * Replace the content of an element.
 *
 * @template {Element} E
 * @param {E} element
 * @param {...Child} children
 */
export function put(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * A link to a page of ours; any other address is refused.
 *
 * @param {string} href
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function link(href, attributes, ...children) {
  if (!/^\/(?!\/)/.test(href)) throw new Error(`not a page of ours: ${href}`);
  const element = h("a", attributes, ...children);
  element.href = atSameMoment(href);
  return element;
}

/**
 * Whether an address is one of another site or a mailbox: whatever runs, or leads to a page of ours, is not.
 *
 * @param {string} href
 */
export function leadsOutside(href) {
  return /^(https?:\/\/|mailto:)/i.test(href) && URL.canParse(href);
}

/**
 * A link that a text from outside holds; an address that could run is refused.
 *
 * @param {string} href
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function outsideLink(href, attributes, ...children) {
  if (!leadsOutside(href)) throw new Error(`not an address outside: ${href}`);
  const element = h("a", { ...attributes, rel: "noopener noreferrer", target: "_blank" }, ...children);
  element.href = href;
  return element;
}

/**
 * Set custom properties or other styles; a style attribute would be refused by the page's own rules.
 *
 * @template {HTMLElement} E
 * @param {E} element
 * @param {Record<string, string>} styles
 */
export function styled(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
  return element;
}

/**
 * A key on a keyboard.
 *
 * @param {string | number} name
 */
export function key(name) {
  return h("kbd", {}, String(name));
}

/**
 * Text for people who do not see the page.
 *
 * @param {...Child} children
 */
export function unseen(...children) {
  return h("span", { class: "unseen" }, ...children);
}

/**
 * What a list shows when it has no entries.
 *
 * @param {string} title
 * @param {...Child} explanation
 */
export function emptyState(title, ...explanation) {
  return h(
    "div",
    { class: "nothing" },
    h("p", { class: "nothing-title" }, title),
    explanation.length ? h("p", {}, explanation) : null,
  );
}

/** Attributes that load or run something: `link` and `styled` set what we need of them. */
const REFUSED_ATTRIBUTES = ["href", "src", "style", "srcdoc", "action", "formaction"];

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {Attributes[string]} value
 */
function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
  else if (name.startsWith("on")) throw new Error(`${name} takes a function`);
  else if (REFUSED_ATTRIBUTES.includes(name)) throw new Error(`h sets no ${name}`);
  else if (name === "value" && "value" in element) element.value = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @param {Child} child
 * @returns {Node[]}
 */
function nodes(child) {
  if (child === null || child === undefined || child === false) return [];
  if (Array.isArray(child)) return child.flatMap(nodes);
  return [child instanceof Node ? child : document.createTextNode(child)];
}
