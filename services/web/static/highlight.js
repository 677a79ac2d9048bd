/** Highlights: the words of a search, marked by the browser over texts that stay as they are. */

/** The name of the highlight in reading.css. */
const NAME = "searched";

/** Places that are marked at most: nobody looks at more. */
const MOST = 1_000;

/** Words of one search, as the server takes them. */
const WORDS = 8;

const TEXTS = ".text, .prompt, .response, .stage-title";

/**
 * Keep the words of a search marked in all texts below an element, whatever is shown there later.
 *
 * @param {HTMLElement} root
 * @param {() => string} searched the words of the search now
 */
export function keepHighlighted(root, searched) {
  if (!("highlights" in CSS)) return;
  let isDue = false;
  const mark = () => {
    isDue = false;
    CSS.highlights.set(NAME, new Highlight(...ranges(root, searched())));
  };
  const observer = new MutationObserver(() => {
    if (!isDue) requestAnimationFrame(mark);
    isDue = true;
  });
  observer.observe(root, { childList: true, subtree: true });
  mark();
}

/**
 * @param {HTMLElement} root
 * @param {string} searched
 */
function ranges(root, searched) {
  const words = searched.trim().split(/\s+/).filter(Boolean).slice(0, WORDS);
  if (!words.length) return [];
  const longestFirst = words
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const pattern = new RegExp(longestFirst.join("|"), "giu");
  const marked = [];
  for (const text of root.querySelectorAll(TEXTS)) {
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const { index, 0: word } of (node.nodeValue ?? "").matchAll(pattern)) {
        if (marked.length === MOST) return marked;
        const range = new StaticRange({
          startContainer: node,
          startOffset: index,
          endContainer: node,
          endOffset: index + word.length,
        });
        marked.push(range);
      }
    }
  }
  return marked;
}
