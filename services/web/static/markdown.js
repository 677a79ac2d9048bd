/**
 * Markdown as elements: the vendored parser makes tokens, and known tokens become elements of ours.
 *
 * Nothing of a text is left out: markup, definitions of links and pictures stand there as words.
 */

import { h, leadsOutside, outsideLink } from "./dom.js";
import MarkdownIt from "./vendor/markdown-it.esm.min.mjs";

/** @import { InlineState, Token } from "./vendor/markdown-it.esm.min.mjs" */

/** Characters of a text that is rendered at most: for hostile brackets the work of the parser grows by their square. */
const RENDERED_CHARACTERS = 20_000;

/** Elements that one text becomes at most; a table of empty cells has one for each character. */
const RENDERED_TOKENS = 30_000;

/** Quotes and lists inside one another; the parser leaves out what is deeper than PARSED_LEVELS. */
const RENDERED_LEVELS = 24;
const PARSED_LEVELS = 60;

/** Formulas as people and models write them; a price is none, because a digit follows its second sign. */
const MATH =
  /\$\$[^$]{1,500}\$\$|\$(?![\s$])[^$\n]{1,200}(?<!\s)\$(?!\d)|\\\([^\n]{1,500}?\\\)|\\\[[\s\S]{1,500}?\\\]/y;

/** Tokens of a text that looks the same as it is written. */
const PLAIN = new Set(["paragraph_open", "paragraph_close", "inline", "text", "softbreak", "math"]);

/** @satisfies {Record<string, keyof HTMLElementTagNameMap>} */
const ELEMENTS = {
  paragraph_open: "p",
  blockquote_open: "blockquote",
  bullet_list_open: "ul",
  ordered_list_open: "ol",
  list_item_open: "li",
  thead_open: "thead",
  tbody_open: "tbody",
  tr_open: "tr",
  th_open: "th",
  td_open: "td",
  em_open: "em",
  strong_open: "strong",
  s_open: "s",
};

/** The headings of the page around a text: those of the text are below. */
const LEVEL_AROUND = 3;

/**
 * A text as elements; null where they would show nothing but what is written. `refusal` says why it is not rendered.
 *
 * @typedef {{ content: DocumentFragment, refusal: "" } | { content: null, refusal: string }} Rendering
 */

const parser = new MarkdownIt("default", { breaks: true, html: false, linkify: false, maxNesting: PARSED_LEVELS });
parser.validateLink = leadsOutside;
parser.inline.ruler.before("escape", "math", readMath);
parser.disable("reference");

/**
 * @param {string} text
 * @param {number} shown characters from its beginning, up to the end of a line
 * @returns {Rendering | null}
 */
export function render(text, shown) {
  const isTooLong = text.length > RENDERED_CHARACTERS;
  const tokens = parser.parse(isTooLong ? beginningOf(text, shown) : text, {});
  if (flat(tokens).every(({ type }) => PLAIN.has(type))) return null;
  if (isTooLong) return { content: null, refusal: "it is too long" };
  if (flat(tokens).length > RENDERED_TOKENS) return { content: null, refusal: "it has too many parts" };
  if (flat(tokens).some(({ level }) => level > RENDERED_LEVELS)) {
    return { content: null, refusal: "its parts are too deep inside one another" };
  }
  const part = text.length > shown ? parser.parse(beginningOf(text, shown), {}) : tokens;
  return { content: elements(part), refusal: "" };
}

/**
 * The whole lines among the first characters of a text, or those characters where they are one line.
 *
 * @param {string} text
 * @param {number} length
 */
function beginningOf(text, length) {
  if (text.length <= length) return text;
  const end = text.lastIndexOf("\n", length);
  return text.slice(0, end > 0 ? end : length);
}

/**
 * @param {Token[]} tokens
 * @returns {Token[]}
 */
function flat(tokens) {
  return tokens.flatMap((token) => (token.children ? [token, ...flat(token.children)] : token));
}

/**
 * @param {InlineState} state
 * @param {boolean} isSilent
 */
function readMath(state, isSilent) {
  MATH.lastIndex = state.pos;
  const formula = MATH.exec(state.src)?.[0];
  if (!formula || state.pos + formula.length > state.posMax) return false;
  if (!isSilent) state.push("math", "", 0).content = formula;
  state.pos += formula.length;
  return true;
}

/** @param {Token[]} tokens */
function elements(tokens) {
  const fragment = document.createDocumentFragment();
  fill(fragment, tokens, { heading: LEVEL_AROUND });
  return fragment;
}

/**
 * @param {ParentNode} root
 * @param {Token[]} tokens
 * @param {{ heading: number }} last the level of the heading before
 */
function fill(root, tokens, last) {
  const parents = [root];
  for (const token of tokens) {
    const parent = parents.at(-1) ?? root;
    if (token.nesting === 1) {
      const { outer, inner } = opened(token, parent, last);
      if (outer !== parent) parent.append(outer);
      parents.push(inner);
    } else if (token.nesting === -1) {
      parents.pop();
      if (parent instanceof HTMLAnchorElement) parent.after(addressWords(parent));
    } else if (token.type === "inline") {
      fill(parent, token.children ?? [], last);
    } else {
      parent.append(leaf(token));
    }
  }
}

/**
 * What a token opens: the element that goes into its parent, and the element that takes what follows.
 *
 * @param {Token} token
 * @param {ParentNode} parent
 * @param {{ heading: number }} last
 * @returns {{ outer: ParentNode & Node, inner: ParentNode & Node }}
 */
function opened(token, parent, last) {
  const { type } = token;
  if (type === "table_open") {
    const table = h("table", {});
    return { outer: scrollable("Table", table), inner: table };
  }
  const element = elementOf(token, parent, last);
  return { outer: element, inner: element };
}

/**
 * @param {Token} token
 * @param {ParentNode} parent
 * @param {{ heading: number }} last
 */
function elementOf(token, parent, last) {
  const { type, hidden, tag } = token;
  if (hidden) return parent;
  if (type === "link_open") return outsideLink(token.attrGet("href") ?? "", { title: token.attrGet("title") });
  if (type === "heading_open") {
    last.heading = Math.min(last.heading + 1, LEVEL_AROUND + Number(tag[1]), 6);
    return h(/** @type {"h4" | "h5" | "h6"} */ (`h${last.heading}`), { dir: "auto" });
  }
  const name = /** @type {Record<string, keyof HTMLElementTagNameMap>} */ (ELEMENTS)[type] ?? "span";
  const isBlock = ["p", "li", "th", "td"].includes(name);
  const align = token.attrGet("style")?.replace("text-align:", "is-");
  return h(name, { dir: isBlock && "auto", class: align, start: name === "ol" && token.attrGet("start") });
}

/** @param {Token} token */
function leaf(token) {
  const { type, content, info } = token;
  if (type === "softbreak" || type === "hardbreak") return h("br", {});
  if (type === "hr") return h("hr", {});
  if (type === "code_inline") return h("code", {}, content);
  if (type === "image") return picture(token);
  if (type !== "fence" && type !== "code_block") return document.createTextNode(content);
  const code = scrollable("Code", h("pre", {}, h("code", {}, content)));
  if (info.trim()) code.prepend(h("span", { class: "language" }, info.trim()));
  return code;
}

/**
 * A picture is never loaded: its words and its address stand for it.
 *
 * @param {Token} token
 */
function picture(token) {
  const source = token.attrGet("src") ?? "";
  return h("span", { class: "picture" }, `Picture: ${token.content} `, outsideLink(source, {}, source));
}

/**
 * The address behind the words of a link, for whoever decides on it.
 *
 * @param {HTMLAnchorElement} anchor
 */
function addressWords(anchor) {
  const isShown = anchor.textContent === anchor.getAttribute("href");
  return isShown ? "" : h("span", { class: "where" }, ` (${anchor.title ? `${anchor.title}: ` : ""}${anchor.href})`);
}

/**
 * A wide thing that scrolls by itself, also by keyboard.
 *
 * @param {string} label
 * @param {HTMLElement} content
 */
function scrollable(label, content) {
  return h("div", { class: "scrollable", role: "group", "aria-label": label, tabindex: 0 }, content);
}
