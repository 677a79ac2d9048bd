/** The policy that holds, those before it, and what another one would change: preview first, then adopt. */

import { get, post, problemOf } from "./api.js";
import { h, put } from "./dom.js";
import { historyCard } from "./policies/history.js";
import { LexiconEditor } from "./policies/lexicon.js";
import { previewCard } from "./policies/preview.js";
import { settingsPart } from "./policies/settings.js";
import { ago } from "./words.js";

/** @import { Policies, Session, Settings } from "../answers.d.ts" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const policies = await get("/policies");
  const parts = policies.sections.map((section) => settingsPart(section, policies.settings[section.name]));
  const result = h("div", { "aria-live": "polite" });
  const mayPreview = me.rights.includes("say");
  const wholePolicy = async (/** @type {string} */ digest) => (await get(`/policies/${digest}`)).policy;
  const lexicon = new LexiconEditor(async () => /** @type {any} */ (await wholePolicy(policies.digest)).lexicon);
  const form = policyForm([...parts.map(({ element }) => element), lexicon.element], mayPreview, () => {
    lexicon.reset();
    put(result);
  });

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
  const editedPolicy = async () => {
    const policy = await wholePolicy(policies.digest);
    for (const { edit } of parts) edit(policy);
    lexicon.edit(policy);
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
 * @param {HTMLElement[]} parts
 * @param {boolean} mayPreview
 * @param {() => unknown} reset
 */
function policyForm(parts, mayPreview, reset) {
  return h(
    "form",
    { class: "card policy", "aria-label": "The policy that holds" },
    parts,
    mayPreview &&
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "primary" }, "Preview the change"),
        h("button", { type: "reset", class: "quiet-button", onclick: reset }, "Reset"),
      ),
  );
}
