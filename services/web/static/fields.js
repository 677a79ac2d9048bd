/** Fields of the filters: a search for words, and choices that keep a chosen value which is no longer offered. */

import { h } from "./dom.js";

/** Where there is room, filters are open from the start. */
export const WIDE = "(min-width: 60rem)";

/**
 * A search for words in the texts of examples.
 *
 * @param {string} text the words of the last search
 */
export function searchField(text) {
  const label = h("label", { for: "filter-text", class: "unseen" }, "Search the texts");
  const input = h("input", {
    type: "search",
    id: "filter-text",
    placeholder: "Search the texts",
    maxlength: 200,
    value: text,
  });
  return { label, input };
}

/**
 * A day from or up to which examples are shown.
 *
 * @param {"since" | "until"} name
 * @param {string} value
 * @param {(value: string) => unknown} choose
 */
export function dayField(name, value, choose) {
  const input = h("input", { type: "date", id: `filter-${name}`, value });
  input.addEventListener("change", () => choose(input.value));
  const words = name === "since" ? "From" : "To";
  return h("div", { class: "field is-day" }, h("label", { for: input.id, title: "a day in UTC" }, words), input);
}

/**
 * A choice of one value, or of any.
 *
 * @param {object} field
 * @param {string} field.name
 * @param {string} field.any the words for no choice
 * @param {string} field.value what is chosen, empty for any
 * @param {{ value: string, words: string }[]} field.options
 * @param {(value: string) => unknown} field.choose
 */
export function choice({ name, any, value, options, choose }) {
  const isOffered = value === "" || options.some((option) => option.value === value);
  const offered = isOffered ? options : [{ value, words: value }, ...options];
  const select = h(
    "select",
    { id: `filter-${name}` },
    h("option", { value: "" }, any),
    offered.map((option) => h("option", { value: option.value }, option.words)),
  );
  select.value = value;
  select.addEventListener("change", () => choose(select.value));
  return h("div", { class: "field" }, h("label", { for: select.id, class: "unseen" }, name), select);
}
