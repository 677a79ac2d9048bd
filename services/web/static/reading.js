/** Reading: a text is shown rendered or as it is written, as the visitor of this browser chose. */

import { h, put } from "./dom.js";
import { render } from "./markdown.js";

/** @import { Child } from "./dom.js" */
/** @import { Command } from "./keys.js" */

const CHOICE = "reading";

/**
 * A text that may be Markdown; where rendering adds nothing, it is the raw text alone.
 *
 * @param {string} text
 * @param {number} shown characters of it that are shown first
 * @param {() => HTMLElement} raw makes the text as it is written
 * @param {(show: () => void) => HTMLElement} more makes the button that shows all of a long text
 */
export function readable(text, shown, raw, more) {
  const rendering = render(text, shown);
  if (rendering === null) return raw();
  const { content, refusal } = rendering;
  if (content === null) return h("div", { class: "readable" }, note(`Shown as written: ${refusal}.`), raw());
  const rendered = h("div", { class: "text is-rendered", dir: "auto" }, content);
  if (shown < text.length) {
    const showAll = () => {
      put(rendered, render(text, text.length)?.content);
      rendered.tabIndex = -1;
      rendered.focus();
    };
    rendered.append(more(showAll));
  }
  const element = h("div", { class: "readable" });
  const draw = () => put(element, choiceButton(), isRawChosen() ? raw() : rendered);
  element.addEventListener(CHOICE, draw);
  draw();
  return element;
}

/** Show every text in the other way, and remember it. */
function changeReading() {
  if (isRawChosen()) localStorage.removeItem(CHOICE);
  else localStorage.setItem(CHOICE, "raw");
  for (const element of document.querySelectorAll(".readable")) element.dispatchEvent(new Event(CHOICE));
}

/** @type {Command} */
export const readingCommand = { keys: ["m"], label: "Markdown rendered, or as it is written", run: changeReading };

function isRawChosen() {
  return localStorage.getItem(CHOICE) === "raw";
}

function choiceButton() {
  const isRaw = isRawChosen();
  const change = (/** @type {Event} */ { currentTarget }) => {
    const place = /** @type {HTMLElement} */ (currentTarget).closest(".readable");
    changeReading();
    place?.querySelector("button")?.focus();
  };
  return h(
    "button",
    { type: "button", class: "reading-choice", "aria-pressed": String(isRaw), onclick: change },
    "Raw text",
  );
}

/** @param {Child} words */
function note(words) {
  return h("p", { class: "quiet reading-note" }, words);
}
