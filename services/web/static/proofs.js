/** Proofs: the log compared with what was recorded of it, and an export made anew; each result is kept. */

import { exampleAddress } from "./address.js";
import { get, post, problemOf } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { pastErrands, watched } from "./errands.js";
import { count, number, plain } from "./words.js";

/** @import { AuditResult, Errand, Export, Held, Proof, Session } from "../answers.d.ts" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const mayProve = me.rights.includes("operate");
  const { exports } = await get("/exports");
  const place = h("div", { "aria-live": "polite" });
  const results = h("section", { class: "card is-read", "aria-label": "Results" });
  const promise = "Anybody can prove that nothing was changed: in the log, and in an export made from it.";
  const title = h("div", { class: "page-title" }, h("h1", {}, "Proofs"), h("p", { class: "quiet" }, promise));

  const refresh = async () => {
    const { items } = await get("/errands");
    const proofs = items.filter(({ name }) => name === "verify" || name === "audit");
    const nothing = emptyState("Nothing was proved here yet", "A proof reads the whole log; nothing is changed by it.");
    put(results, h("header", {}, h("h2", {}, "Results")), proofs.length ? pastErrands(proofs, outcome) : nothing);
  };
  const prove = async (/** @type {() => Promise<Errand>} */ start, /** @type {string} */ what) => {
    try {
      await watched(await start(), place, what);
      put(place);
    } catch (error) {
      put(place, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
    await refresh();
  };
  put(main, title, mayProve ? proofCard(exports, prove) : onlyOperators(), place, results, mayProve && holdingsCard());
  await refresh();
}

/** Everything that the log holds about a person, found by some words; they are kept nowhere. */
function holdingsCard() {
  const words = h("input", { id: "held", maxlength: 1000, required: true, autocomplete: "off" });
  const result = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "secondary" }, "Look through the log");
  const form = h(
    "form",
    {},
    h("label", { for: "held" }, "A name, a number, an address"),
    h("div", { class: "line" }, words, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const errand = await post("/holdings", { words: words.value }, { isKeyed: false });
      put(result, heldWords(/** @type {Held} */ (await watched(errand, result, "Reading the log"))));
    } catch (error) {
      put(result, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
  });
  const title = h("header", {}, h("h2", {}, "What the log holds about somebody"));
  return h("section", { class: "card proof-form", "aria-label": "What the log holds" }, title, form, result);
}

/** @param {Held} held */
function heldWords({ places, place_count: total, example_count: examples }) {
  if (!total) return h("p", { role: "status" }, "The log holds nothing with these words.");
  const rows = places.map(({ seq, kind, ids, field }) =>
    h(
      "li",
      {},
      `#${number(seq)} ${plain(kind)}, ${plain(field)} `,
      ids.map((id) => [link(exampleAddress(id), { class: "mono small" }, id), " "]),
    ),
  );
  const more = total > rows.length ? `; the first ${number(rows.length)} are shown` : "";
  const command = h("code", {}, "rooflog erase --about");
  return h(
    "div",
    {},
    h("p", { role: "status" }, `${count(total, "place")} about ${count(examples, "example")}${more}.`),
    h("ul", { class: "rows" }, rows),
    h("p", { class: "quiet small" }, "On the machine ", command, " erases them for good."),
  );
}

function onlyOperators() {
  return h("p", { class: "notice" }, "An operator starts a proof; its results are here for everybody who may look.");
}

/**
 * @param {Export[]} exports
 * @param {(start: () => Promise<Errand>, what: string) => unknown} prove
 */
function proofCard(exports, prove) {
  const verify = () => prove(() => post("/verifications", {}, { isKeyed: false }), "Reading the log");
  const chosen = h(
    "select",
    { id: "audited" },
    exports.map(({ export_digest: digest, last_seq: last }) =>
      h("option", { value: digest }, `${digest.slice(0, 12)}, facts 1 to ${number(last)}`),
    ),
  );
  const audit = () => prove(() => post("/audits", { export: chosen.value }, { isKeyed: false }), "Making it anew");
  return h(
    "section",
    { class: "card proof-form", "aria-label": "Prove" },
    h("div", { class: "line" }, h("button", { type: "button", class: "primary", onclick: verify }, "Verify the log")),
    exports.length > 0 &&
      h(
        "div",
        {},
        h("label", { for: "audited" }, "An export"),
        h(
          "div",
          { class: "line" },
          chosen,
          h("button", { type: "button", class: "secondary", onclick: audit }, "Make it anew and compare"),
        ),
      ),
  );
}

/** @param {Errand} errand */
function outcome(errand) {
  const { name, about, phase, error, result } = errand;
  const what = name === "verify" ? "The log" : `Export ${about.slice(0, 12)}`;
  if (phase === "failed") return [h("span", { class: "state is-bad" }, "failed"), ` ${what}: ${error}`];
  if (!result) return `${what}: ${phase}`;
  return name === "verify"
    ? proofWords(/** @type {Proof} */ (result))
    : auditWords(what, /** @type {AuditResult} */ (result));
}

/** @param {Proof} proof */
function proofWords({ status, messages, last, exports, problems, log_digest: digest, volume_error: unread }) {
  const isGood = status === "verified";
  const compared = `compared with ${count(exports.length, "digest")} of exports`;
  const read = `${count(messages, "message")} up to ${number(last)}, ${compared}`;
  const rows = problems.map(({ seq, kind, detail }) => h("li", {}, `#${number(seq)} ${plain(kind)}: ${detail}`));
  return [
    h("span", { class: `state ${isGood ? "is-good" : "is-bad"}` }, isGood ? "nothing was changed" : "changed"),
    ` ${read}`,
    h("span", { class: "quiet mono small", title: digest }, ` ${digest.slice(0, 12)}`),
    unread && h("p", { class: "quiet small" }, `The volume could not be read: ${unread}`),
    rows.length > 0 && h("ul", {}, rows),
  ];
}

/**
 * @param {string} what
 * @param {AuditResult} audit
 */
function auditWords(what, { status, files, is_same_log: isSameLog, erased }) {
  const isGood = status === "same";
  const rows = Object.entries(files).map(([name, fate]) => h("li", {}, `${name}: ${fate}`));
  return [
    h("span", { class: `state ${isGood ? "is-good" : "is-bad"}` }, isGood ? "the same, byte for byte" : "different"),
    ` ${what}: ${count(rows.length, "file")}`,
    !isGood && !isSameLog && h("p", {}, "It was made from another log."),
    erased.length > 0 && h("p", {}, `${count(erased.length, "text")} of its range were erased since.`),
    !isGood && h("ul", { class: "small" }, rows),
  ];
}
