/** Keys: one list of commands, which the help shows; single keys can be switched off. */

import { openDialog } from "./dialog.js";
import { h, key } from "./dom.js";

/** @typedef {{ keys: string[], label: string, run: () => unknown }} Command */

/** Where the browser keeps that single keys are switched off. */
const OFF = "keys-off";

/** @type {Record<string, string>} */
const KEY_NAMES = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };

/**
 * Run commands by key; keys that are pressed in a text field or a dialog belong to those.
 *
 * @param {Command[]} commands
 */
export function runByKey(commands) {
  const byKey = new Map(commands.flatMap((command) => command.keys.map((name) => [name, command])));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    const command = byKey.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!command || (areOff() && event.key !== "?")) return;
    event.preventDefault();
    command.run();
  });
}

/**
 * Open the dialog that shows every key.
 *
 * @param {Command[]} commands
 */
export function openHelp(commands) {
  const toggle = h("input", { type: "checkbox", id: "keys-on", checked: !areOff() });
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  const rows = commands.map(({ keys, label }) => h("div", {}, h("dt", {}, keys.map(keyOf)), h("dd", {}, label)));
  openDialog(
    h(
      "dialog",
      { class: "help", "aria-labelledby": "help-title" },
      h("h2", { id: "help-title" }, "Keys"),
      h("dl", {}, rows),
      h("div", { class: "check" }, toggle, h("label", { for: "keys-on" }, "Single keys act")),
      h(
        "p",
        { class: "quiet" },
        "While you write, keys are text: ",
        key("Esc"),
        " leaves the field, ",
        key("Ctrl"),
        " ",
        key("Enter"),
        " saves.",
      ),
      h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, "Close")),
    ),
  );
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

function areOff() {
  return localStorage.getItem(OFF) === "1";
}

/** @param {string} name */
function keyOf(name) {
  return key(KEY_NAMES[name] ?? (name.length === 1 ? name.toUpperCase() : name));
}
