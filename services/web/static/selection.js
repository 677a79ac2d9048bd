/** Selection: which words of which text of an example are selected on the page. */

/** @typedef {{ field: string, start: number, end: number, words: string }} SelectedWords */

/**
 * The selected words, in code points of their text without blanks around them; null unless they are in one text.
 *
 * @param {Selection | null} selection
 * @returns {SelectedWords | null}
 */
export function selectedWords(selection) {
  if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const field = fieldOf(range.startContainer);
  if (!field || field !== fieldOf(range.endContainer)) return null;
  const before = document.createRange();
  before.setStart(field, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const ahead = said(before);
  const chosen = said(range);
  const words = chosen.trim();
  if (!words) return null;
  const start = [...ahead].length + [...chosen.slice(0, chosen.indexOf(words))].length;
  return { field: field.dataset.field ?? "", start, end: start + [...words].length, words };
}

/**
 * The words selected in rendered Markdown, whose places in the text nobody knows; empty where there are none.
 *
 * @param {Selection | null} selection
 */
export function renderedWords(selection) {
  const isRendered = selection?.anchorNode?.parentElement?.closest(".is-rendered");
  return isRendered ? String(selection).trim() : "";
}

/**
 * @param {Node} node
 * @returns {HTMLElement | null}
 */
function fieldOf(node) {
  const element = node instanceof Element ? node : node.parentElement;
  return element?.closest("[data-field]") ?? null;
}

/**
 * What a range holds of the text itself: not what is said to people who do not see the page, and no buttons.
 *
 * @param {Range} range
 */
function said(range) {
  const copy = range.cloneContents();
  for (const added of copy.querySelectorAll(".unseen, button")) added.remove();
  return copy.textContent ?? "";
}
