/** Toasts: one sentence about what has just happened, with one thing to do about it. */

import { h } from "./dom.js";

const SECONDS = 8;

/** Show a sentence; `action` is `{label, keyName, run}`. */
export function toast(text, { isBad = false, action = null } = {}) {
  const place = document.getElementById("toasts");
  const element = h("div", { class: isBad ? "toast is-bad" : "toast" }, h("span", {}, text));
  if (action) {
    element.append(
      h(
        "button",
        { type: "button", onclick: () => (element.remove(), action.run()) },
        action.label,
        " ",
        action.keyName && h("kbd", {}, action.keyName),
      ),
    );
  }
  place.replaceChildren(element);
  setTimeout(() => element.remove(), SECONDS * 1000);
}
