/** The policy that holds, those before it, and what another one would change: preview first, then adopt. */

import { get, post, problemOf } from "./api.js";
import { h, put } from "./dom.js";
import { historyCard } from "./policies/history.js";
import { previewCard } from "./policies/preview.js";
import { settingsFields } from "./policies/settings.js";
import { ago, count } from "./words.js";

/** @import { Policies, Session, Settings } from "../answers.d.ts" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const policies = await get("/policies");
  const { fieldsets, edit } = settingsFields(policies.settings);
  const result = h("div", { "aria-live": "polite" });
  const mayPreview = me.rights.includes("say");
  const form = policyForm(policies, fieldsets, mayPreview, () => put(result));

  const preview = async (/** @type {() => Promise<Settings>} */ candidate) => {
    put(result, h("p", { class: "notice" }, "Judging every example under that policy …"));
    try {
      const policy = await candidate();
      put(result, previewCard(await post("/policies/preview", { policy }, { isKeyed: false, isLong: true }), me));
    } catch (error) {
      put(result, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
    result.firstElementChild?.scrollIntoView({ block: "nearest" });
  };
  const wholePolicy = async (/** @type {string} */ digest) => (await get(`/policies/${digest}`)).policy;
  const editedPolicy = async () => {
    const policy = await wholePolicy(policies.digest);
    edit(policy);
    return policy;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    preview(editedPolicy);
  });
  const previewReturn = (/** @type {string} */ digest) => preview(() => wholePolicy(digest));
  const history = historyCard(policies, mayPreview ? previewReturn : null);
  put(
    main,
    pageTitle(policies),
    h("div", { class: "policy-page" }, form, h("div", { class: "policy-side" }, result, history)),
  );
}

/** @param {Policies} policies */
function pageTitle({ digest, adopted: [adoption] }) {
  const origin = adoption
    ? `, adopted by ${adoption.actor} ${ago(adoption.occurred_at)}`
    : ", the one that rooflog ships";
  const name = h("span", { class: "mono", title: digest }, digest.slice(0, 12));
  return h("div", { class: "page-title" }, h("h1", {}, "Policy"), h("p", { class: "quiet" }, name, origin));
}

/**
 * @param {Policies} policies
 * @param {HTMLElement[]} fieldsets
 * @param {boolean} mayPreview
 * @param {() => unknown} reset
 */
function policyForm({ terms }, fieldsets, mayPreview, reset) {
  const command = h("code", {}, "rooflog policy adopt FILE");
  return h(
    "form",
    { class: "card policy", "aria-label": "The policy that holds" },
    fieldsets,
    h("p", { class: "quiet" }, `The lexicon has ${count(terms, "term")}; change it with `, command, "."),
    mayPreview &&
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "primary" }, "Preview the change"),
        h("button", { type: "reset", class: "quiet-button", onclick: reset }, "Reset"),
      ),
  );
}
