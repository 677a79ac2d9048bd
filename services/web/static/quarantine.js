/** Quarantine: messages that could not be folded, whole, each with the reason. */

import { address, pageParameters } from "./address.js";
import { get, post, problemOf } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { watched } from "./errands.js";
import { keepFresh } from "./live.js";
import { bytes, count, number, plain } from "./words.js";

/** @import { QuarantinedMessage, Retried, Session } from "../answers.d.ts" */

/** Messages of the first page; a longer list is not redrawn under the reader's eyes. */
const FIRST_PAGE = 50;

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const { category } = pageParameters(["category"]);
  const summary = h("p", { class: "quiet" });
  const categories = h("div", { class: "whys" });
  const list = h("ul", { class: "rows is-read" });
  const more = h("div", { class: "page-more" });
  const title = h("div", { class: "page-title" }, h("h1", {}, "Quarantine"), summary);
  const place = h("div", { "aria-live": "polite" });
  const retry = async () => {
    try {
      const errand = await post("/quarantine/retry", {}, { isKeyed: false });
      const { folded, left } = /** @type {Retried} */ (await watched(errand, place, "Folding again"));
      put(place, h("p", { class: "notice", role: "status" }, retriedWords(folded.length, left)));
      await show(null);
    } catch (error) {
      put(place, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
  };
  const button = h("button", { type: "button", class: "secondary", onclick: retry }, "Fold what this version can");
  const mayRetry = me.rights.includes("operate");
  put(main, title, categories, mayRetry && h("p", {}, button), place, h("div", { class: "card" }, list, more));

  const show = async (/** @type {number | null} */ before) => {
    const page = await get("/quarantine", { category, before });
    const total = Object.values(page.by_category).reduce((sum, n) => sum + n, 0);
    put(summary, total > 0 && summaryWords(total));
    put(categories, total > 0 && categoryLinks({ "": total, ...page.by_category }, category));
    if (before === null) put(list);
    list.append(...page.items.map(messageItem));
    if (!list.children.length) {
      const explanation = "Every message on the log could be read and folded.";
      put(list, h("li", {}, emptyState("The quarantine is empty", explanation)));
    }
    const showMore = () => show(page.before);
    put(more, page.before !== null && h("button", { type: "button", onclick: showMore }, "Show more"));
  };
  await show(null);
  keepFresh(async () => {
    if (list.children.length <= FIRST_PAGE) await show(null).catch(() => {});
  });
}

/**
 * @param {number} folded
 * @param {number} left
 */
function retriedWords(folded, left) {
  if (!folded) return `This version can fold none of them: ${number(left)} stay. What to do stands beside each.`;
  return `${number(folded)} folded in their place, ${number(left)} left.`;
}

/** @param {number} total */
function summaryWords(total) {
  const messages = count(total, "message");
  return `${messages} on the log could not be folded. They are kept whole and can be folded after an upgrade.`;
}

/**
 * @param {Record<string, number>} numbers messages by category, all of them under the empty name
 * @param {string} chosen
 */
function categoryLinks(numbers, chosen) {
  return Object.entries(numbers).map(([name, n]) =>
    link(
      address("/quarantine", { category: name }),
      { class: "button why-chip", "aria-current": chosen === name ? "true" : null },
      name ? plain(name) : "All",
      " ",
      h("span", { class: "n" }, number(n)),
    ),
  );
}

/** @param {QuarantinedMessage} message */
function messageItem({ seq, subject, category, reason, bytes: size, data, advice, can_be_folded_now: isReady }) {
  return h(
    "li",
    { class: "quarantined" },
    h(
      "p",
      {},
      h("b", {}, `#${number(seq)} `),
      h("span", { class: "state is-bad" }, plain(category)),
      " ",
      h("span", { class: "quiet mono" }, subject),
    ),
    h("p", { dir: "auto" }, reason),
    isReady
      ? h("p", { class: "state is-good" }, "This version can fold it now.")
      : advice && h("p", { class: "quiet" }, `What to do: ${advice}.`),
    size ? messageBytes(size, data) : h("p", { class: "quiet" }, "Its bytes were erased."),
  );
}

/**
 * @param {number} size
 * @param {string | null} data the beginning of the message
 */
function messageBytes(size, data) {
  const summary = h("summary", {}, `Its bytes (${bytes(size)})`);
  return h("details", {}, summary, h("pre", { dir: "auto" }, data, size > 2000 ? " …" : ""));
}
