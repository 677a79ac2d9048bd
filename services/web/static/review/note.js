/** The form for a note: something to the others about an example, which decides nothing. */

import { h, key } from "../dom.js";

/**
 * @param {object} on
 * @param {(note: string) => unknown} on.say
 * @param {() => unknown} on.cancel
 */
export function noteForm(on) {
  const input = h("input", { id: "note", autocomplete: "off", "aria-describedby": "note-help" });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") on.cancel();
  });
  const cancel = { type: "button", class: "quiet-button", onclick: on.cancel };
  const form = h(
    "form",
    { class: "reject-form" },
    h("label", { for: "note" }, "What do the others have to know?"),
    h(
      "div",
      { class: "line" },
      input,
      h("button", { class: "primary" }, "Say it ", key("Enter")),
      h("button", cancel, "Cancel ", key("Esc")),
    ),
    h("p", { id: "note-help", class: "quiet" }, "It decides nothing. Whoever you name, as @ben, finds it under Notes."),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) on.say(input.value.trim());
  });
  return { form, focus: () => input.focus() };
}
