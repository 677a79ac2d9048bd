/** Keys: one map from key to command, which the help overlay shows; single keys can be switched off. */

import { h, key } from "./dom.js";

const OFF = "keys-off";

/** Listen for commands `{key, label, run, shown?}`; keys in text fields and dialogs belong to those. */
export function listen(commands) {
  const byKey = new Map(commands.flatMap((command) => command.keys.map((name) => [name, command])));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.("input, textarea, select, [contenteditable]"))
      return;
    const command = byKey.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!command || (areOff() && event.key !== "?")) return;
    event.preventDefault();
    command.run();
  });
}

function areOff() {
  return localStorage.getItem(OFF) === "1";
}

/** The overlay that tells every key. */
export function help(commands) {
  const off = h("input", { type: "checkbox", id: "keys-on" });
  off.checked = !areOff();
  off.addEventListener("change", () => (off.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  const dialog = h(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h(
      "dl",
      {},
      commands
        .filter(({ label }) => label)
        .map(({ keys, label }) =>
          h(
            "div",
            {},
            h(
              "dt",
              {},
              keys.map((name) => key(shownAs(name))),
            ),
            h("dd", {}, label),
          ),
        ),
    ),
    h("div", { class: "check" }, off, h("label", { for: "keys-on" }, "Single keys act")),
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
  );
  show(dialog);
}

/** Open a dialog; it is gone from the page once it is closed. */
export function show(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.showModal();
  return dialog;
}

function shownAs(name) {
  return (
    { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc", " ": "Space" }[name] ??
    (name.length === 1 ? name.toUpperCase() : name)
  );
}
