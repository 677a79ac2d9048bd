/** Dialogs. */

/**
 * Open a dialog; it is removed from the page once it is closed.
 *
 * @param {HTMLDialogElement} dialog
 * @param {{ closesBeside?: boolean }} [options] whether a click beside it closes it
 */
export function openDialog(dialog, { closesBeside = true } = {}) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  if (closesBeside) dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.showModal();
}
