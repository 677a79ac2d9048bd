/** The form for a redaction: which words are replaced, by what, and where; with a preview before it is said. */

import { h, key, put } from "../dom.js";
import { occurrences, textsOf } from "../places.js";
import { renderedWords } from "../selection.js";
import { difference } from "../texts.js";
import { toast } from "../toast.js";
import { count } from "../words.js";

/** @import { Example } from "../../answers.d.ts" */
/** @import { Leaf } from "../places.js" */
/** @import { SelectedWords } from "../selection.js" */

/** @typedef {{ field: string, start: number, end: number, name: string }} ChosenSpan */

const NAMES = ["name", "address", "phone", "email", "company"];

/**
 * @param {Example} example
 * @param {SelectedWords | null} selected
 * @param {object} on
 * @param {(spans: ChosenSpan[]) => unknown} on.redact
 * @param {() => unknown} on.cancel
 */
export function redactionForm(example, selected, on) {
  const texts = textsOf(example);
  const chosenWords = selected?.words ?? renderedWords(getSelection());
  const words = h("input", { id: "redact-words", autocomplete: "off", value: chosenWords });
  const name = h("input", {
    id: "redact-name",
    list: "redact-names",
    maxlength: 40,
    autocomplete: "off",
    value: "name",
  });
  const everywhere = h("input", { id: "redact-everywhere", type: "checkbox", checked: !selected });
  const preview = h("div", { class: "edit-preview", "aria-live": "polite" });
  const isSelection = () => selected !== null && !everywhere.checked && words.value === selected.words;
  const spans = () => {
    if (isSelection() && selected) return [{ field: selected.field, start: selected.start, end: selected.end }];
    return texts.flatMap(({ place, text }) => occurrences(text, words.value).map((at) => ({ field: place, ...at })));
  };
  const draw = () => {
    everywhere.disabled = selected === null || words.value !== selected.words;
    put(preview, changes(texts, spans(), placeholder(name.value)));
  };
  const save = () => {
    const chosen = spans().map((span) => ({ ...span, name: name.value }));
    if (!chosen.length) return toast("No text of this example has these words.", { isBad: true });
    if (!placeholder(name.value)) return toast("Say what stands for the words, such as name.", { isBad: true });
    return on.redact(chosen);
  };
  const form = formOf({ words, name, everywhere, preview });
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") on.cancel();
  });
  draw();
  return {
    parts: [
      h(
        "header",
        {},
        h("p", { class: "place" }, h("b", {}, "Redact"), " — the words leave every page and export"),
        title(),
      ),
      form,
    ],
    buttons: [
      h("button", { type: "button", class: "approve", onclick: save }, "Redact ", key("Enter")),
      h("button", { type: "button", class: "quiet-button", onclick: on.cancel }, "Cancel ", key("Esc")),
    ],
    focus: () => (chosenWords ? name : words).select(),
  };
}

function title() {
  return h("h2", { class: "stage-title" }, "Which words must go?");
}

/** @param {Record<"words" | "name" | "everywhere" | "preview", HTMLElement>} fields */
function formOf({ words, name, everywhere, preview }) {
  return h(
    "form",
    { class: "edit-form redact-form" },
    h("label", { for: "redact-words" }, "Words to replace"),
    words,
    h("label", { for: "redact-name" }, "What stands for them"),
    name,
    h(
      "datalist",
      { id: "redact-names" },
      NAMES.map((value) => h("option", { value }, placeholder(value))),
    ),
    h("div", { class: "check" }, everywhere, h("label", { for: "redact-everywhere" }, "Everywhere in this example")),
    h("h3", {}, "What you change"),
    preview,
    h("button", { class: "unseen", type: "submit", tabindex: -1 }, "Redact"),
  );
}

/**
 * What stands for words that are taken out: `[NAME]`; empty where nothing can.
 *
 * @param {string} name
 */
export function placeholder(name) {
  const word = name
    .trim()
    .replace(/^\[|\]$/g, "")
    .trim()
    .replace(/\s+/g, "_")
    .toUpperCase();
  return /^[\p{L}\p{N}_]{1,40}$/u.test(word) ? `[${word}]` : "";
}

/**
 * The changed texts, each with its differences.
 *
 * @param {Leaf[]} texts
 * @param {{ field: string, start: number, end: number }[]} spans
 * @param {string} words
 */
function changes(texts, spans, words) {
  if (!spans.length) return h("p", { class: "quiet" }, "No text of this example has these words.");
  const fields = [...new Set(spans.map(({ field }) => field))];
  return [
    h("p", { class: "quiet" }, `${count(spans.length, "place")} in ${count(fields.length, "text")}`),
    fields.map((field) => {
      const leaf = texts.find(({ place }) => place === field);
      const here = spans.filter((span) => span.field === field);
      return leaf && [h("h4", {}, leaf.label), difference(leaf.text, replaced(leaf.text, here, words))];
    }),
  ];
}

/**
 * @param {string} text
 * @param {{ start: number, end: number }[]} spans in order and apart
 * @param {string} words
 */
export function replaced(text, spans, words) {
  const characters = [...text];
  for (const { start, end } of [...spans].reverse()) characters.splice(start, end - start, words);
  return characters.join("");
}
