/** Toasts: one sentence about what has just happened, with one thing to do about it. */

import { h, key } from "./dom.js";

const SECONDS = 8;

/**
 * Show a sentence for some seconds, in the place of the one before.
 *
 * @param {string} text
 * @param {object} options
 * @param {boolean} [options.isBad]
 * @param {{ label: string, keyName: string, run: () => unknown } | null} [options.action]
 */
export function toast(text, { isBad = false, action = null } = {}) {
  const element = h("div", { class: isBad ? "toast is-bad" : "toast" }, h("span", {}, text));
  if (action) {
    const run = () => {
      element.remove();
      return action.run();
    };
    element.append(h("button", { type: "button", onclick: run }, action.label, " ", key(action.keyName)));
  }
  document.getElementById("toasts")?.replaceChildren(element);
  setTimeout(() => element.remove(), SECONDS * 1000);
}
