/** The history of the policy: every adoption, what it changed, and a way back to it. */

import { get, problemOf } from "../api.js";
import { h, put } from "../dom.js";
import { ago, count, moment, number, plain } from "../words.js";
import { settingLabels } from "./settings.js";

/** @import { Adoption, Policies } from "../../answers.d.ts" */

/**
 * @param {Policies} policies
 * @param {((digest: string) => unknown) | null} previewReturn previews going back to a policy, null for who may not
 */
export function historyCard({ adopted, total, digest: holding, shipped_digest: shipped, sections }, previewReturn) {
  const labels = settingLabels(sections);
  const ways = (/** @type {string} */ digest) => {
    const preview = () => previewReturn?.(digest);
    const button = h("button", { type: "button", class: "quiet-button", onclick: preview }, "Preview going back");
    return h("div", { class: "past" }, digest === holding || !previewReturn ? null : button, wholePolicy(digest));
  };
  const older = total - adopted.length;
  const items = [
    ...adopted.map((adoption, n) => adoptionItem(adoption, n === 0, labels, ways(adoption.digest))),
    older > 0 ? h("li", {}, h("p", {}, `${count(older, "adoption")} before these: `, historyCommand())) : null,
    shippedItem(shipped, adopted.length === 0, ways(shipped)),
  ];
  return h(
    "section",
    { class: "card", "aria-label": "History" },
    h("header", {}, h("h2", {}, "History")),
    h("div", { class: "body" }, h("ol", { class: "history" }, items)),
  );
}

function historyCommand() {
  return h("code", {}, "rooflog policy history");
}

/**
 * @param {Adoption} adoption
 * @param {boolean} isHolding
 * @param {Map<string, string>} labels
 * @param {HTMLElement} ways
 */
function adoptionItem(adoption, isHolding, labels, ways) {
  const { occurred_at: at, actor, reason, digest, seq } = adoption;
  return h(
    "li",
    { class: isHolding ? "is-good" : "" },
    h("b", {}, isHolding ? "Holds now, adopted" : "Adopted"),
    ` by ${actor}`,
    reason && h("p", { class: "note", dir: "auto" }, reason),
    h("p", { class: "small" }, changeWords(adoption, labels)),
    h(
      "span",
      { class: "stamp" },
      h("time", { datetime: at, title: moment(at) }, ago(at)),
      h("span", { class: "mono" }, digest.slice(0, 12)),
      h("span", {}, `#${number(seq)}`),
    ),
    ways,
  );
}

/**
 * @param {string} digest
 * @param {boolean} isHolding
 * @param {HTMLElement} ways
 */
function shippedItem(digest, isHolding, ways) {
  const name = "The policy that rooflog ships";
  return h(
    "li",
    { class: isHolding ? "is-good" : "" },
    h("b", {}, isHolding ? `${name} holds now` : name),
    h("span", { class: "stamp" }, h("span", { class: "mono" }, digest.slice(0, 12))),
    ways,
  );
}

/**
 * A whole policy, read when somebody opens it.
 *
 * @param {string} digest
 */
function wholePolicy(digest) {
  const text = h("pre", { tabindex: "0", "aria-label": "The whole policy" }, "…");
  const element = h("details", { class: "small" }, h("summary", {}, "The whole policy"), text);
  let isRead = false;
  element.addEventListener("toggle", async () => {
    if (!element.open || isRead) return;
    isRead = true;
    try {
      const { policy } = await get(`/policies/${digest}`);
      put(text, JSON.stringify(policy, null, 2));
    } catch (error) {
      isRead = false;
      put(text, problemOf(error).message);
    }
  });
  return element;
}

/**
 * @param {Adoption} adoption
 * @param {Map<string, string>} labels
 */
function changeWords({ changes, lexicon_changes: entries }, labels) {
  const words = changes.map(
    ({ setting, now, then }) => `${labels.get(setting) ?? plain(setting)}: ${valueWords(now)} → ${valueWords(then)}`,
  );
  if (entries) words.push(`the lexicon in ${count(entries, "entry", "entries")}`);
  return words.join("; ") || "no change";
}

/** @param {unknown} value */
function valueWords(value) {
  return Array.isArray(value) ? value.join(", ") || "none" : String(value ?? "none");
}
