/** The policy that holds, those before it, and what another one would change: preview first, then adopt. */

import { get, post } from "./api.js";
import { exampleAddress, h, link, put } from "./dom.js";
import { line } from "./texts.js";
import { toast } from "./toast.js";
import { REASONS, ago, count, moment, number, plain } from "./words.js";

const LABELS = {
  "filters.min_prompt_chars": "Shortest prompt (characters)",
  "filters.min_response_chars": "Shortest answer (characters)",
  "filters.min_relevance": "Lowest relevance",
  "filters.excluded_sources": "Sources left out",
  "filters.exclude_personal_data": "Leave out personal data",
  "approval.positive_feedback": "Thumbs up approves",
  "approval.trusted_sources": "Trusted sources",
  "approval.used_documents": "Used documents with changes",
  "review.new_topic_below": "A topic is new below (examples)",
  "review.borderline": "Borderline within (score)",
  "relevance.high": "High from (score)",
  "relevance.medium": "Medium from (score)",
  "relevance.context": "Least context (score)",
  "duplicates.near": "Near-duplicates count",
  "duplicates.threshold": "Near from (similarity)",
  "duplicates.contradictions": "Look for contradictions",
  "export.system": "System text of every line",
  "export.min_examples": "Smallest export (examples)",
  "export.eval_share": "Share kept for evaluation",
  "export.changed_examples": "Export after changes (rows)",
  "export.max_age_minutes": "Export after (minutes)",
  "export.keep_versions": "Versions kept",
  "training.at": "Train from (examples)",
  "training.new_examples": "New since the last training",
  "training.goal": "Goal of the dashboard",
};
const EDITED = ["filters", "approval", "review", "relevance", "duplicates", "export", "training"];

export async function draw(main, me) {
  const told = await get("/policies");
  const current = told.settings;
  const adopted = told.adopted[0];
  const form = h("form", { class: "card policy", "aria-label": "The policy that holds" });
  const result = h("div", { "aria-live": "polite" });
  const fields = [];

  for (const section of EDITED.filter((name) => current[name])) {
    const set = h("fieldset", {}, h("legend", {}, plain(section)));
    for (const [name, value] of Object.entries(current[section])) {
      const field = input(`${section}-${name}`, LABELS[`${section}.${name}`] ?? plain(name), value);
      fields.push({ section, name, value, field });
      set.append(field.element);
    }
    form.append(set);
  }
  form.append(
    h(
      "p",
      { class: "quiet" },
      `The lexicon has ${count(told.terms, "term")}; change it with `,
      h("code", {}, "rooflog policy adopt FILE"),
      ".",
    ),
    h(
      "div",
      { class: "buttons" },
      h("button", { class: "primary" }, "Preview the change"),
      h("button", { type: "reset", class: "quiet-button", onclick: () => put(result) }, "Reset"),
    ),
  );
  const edited = async () => {
    const { policy } = await get(`/policies/${told.digest}`);
    for (const { section, name, field } of fields) policy[section][name] = field.read();
    return policy;
  };
  const preview = async (document) => {
    put(result, h("p", { class: "notice" }, "Judging every example under that policy …"));
    try {
      put(result, previewed(await post("/policies/preview", { policy: await document() }, { isKeyed: false }), me));
    } catch (problem) {
      put(result, h("p", { class: "notice is-bad", role: "alert" }, problem.message));
    }
    result.firstChild.scrollIntoView({ block: "nearest" });
  };
  const back = (digest) => preview(async () => (await get(`/policies/${digest}`)).policy);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    preview(edited);
  });
  put(
    main,
    h(
      "div",
      { class: "page-title" },
      h("h1", {}, "Policy"),
      h(
        "p",
        { class: "quiet" },
        h("span", { class: "mono", title: told.digest }, told.digest.slice(0, 12)),
        adopted ? `, adopted by ${adopted.actor} ${ago(adopted.occurred_at)}` : ", the one that rooflog ships",
      ),
    ),
    h("div", { class: "policy-page" }, form, h("div", { class: "policy-side" }, result, history(told, back))),
  );
}

/** A field for a setting: what it is made of says which. */
function input(id, words, value) {
  const label = h("label", { for: id }, words);
  if (typeof value === "boolean") {
    const box = h("input", { type: "checkbox", id, checked: value });
    return { element: h("div", { class: "check" }, box, label), read: () => box.checked };
  }
  if (typeof value === "number") {
    const field = h("input", { type: "number", id, min: 0, step: "any", required: true, value: String(value) });
    field.defaultValue = String(value);
    return { element: h("div", { class: "setting" }, label, field), read: () => Number(field.value) };
  }
  if (Array.isArray(value)) {
    const field = h("input", { id, value: value.join(", ") });
    field.defaultValue = value.join(", ");
    return {
      element: h("div", { class: "setting is-double" }, label, field),
      read: () =>
        field.value
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean),
    };
  }
  if (["low", "medium", "high"].includes(value)) {
    const field = h(
      "select",
      { id },
      ["low", "medium", "high"].map((one) => h("option", { value: one, selected: one === value }, one)),
    );
    return { element: h("div", { class: "setting" }, label, field), read: () => field.value };
  }
  const field = h("input", { id, value: String(value) });
  field.defaultValue = String(value);
  return { element: h("div", { class: "setting is-wide" }, label, field), read: () => field.value };
}

function previewed(preview, me) {
  if (preview.candidate === preview.current)
    return h("p", { class: "notice" }, "This is the policy that holds: nothing would change.");
  const because = preview.reasons.map(({ change, reason, count: n }) =>
    h(
      "li",
      {},
      h("b", {}, change === "enter" ? `+${number(n)}` : `−${number(n)}`),
      ` ${change === "enter" ? "no longer " : ""}${REASONS[reason] ?? plain(reason)}`,
    ),
  );
  const moved = preview.examples.map((example) =>
    h(
      "li",
      {},
      link(
        exampleAddress(example.example_id),
        {},
        h(
          "span",
          { class: example.change === "enter" ? "state is-good" : "state is-bad" },
          example.change === "enter" ? "enters " : "leaves ",
        ),
        line(example.prompt),
      ),
    ),
  );
  return h(
    "section",
    { class: "card preview", "aria-label": "Preview" },
    h(
      "header",
      {},
      h("h2", {}, `${number(preview.before.unique)} → ${number(preview.after.unique)} in the training set`),
    ),
    h(
      "div",
      { class: "body" },
      h(
        "p",
        {},
        `${count(preview.enter, "example")} would enter, ${number(preview.leave)} would leave; the review queue goes from ${number(preview.review_queue.before)} to ${number(preview.review_queue.after)}.`,
      ),
      because.length ? h("ul", { class: "reasons" }, because) : null,
      moved.length
        ? h("details", {}, h("summary", {}, `The first ${number(moved.length)}`), h("ul", { class: "moved" }, moved))
        : null,
      preview.not_analysed
        ? h("p", { class: "quiet" }, `${count(preview.not_analysed, "text")} arrived meanwhile and are not judged yet.`)
        : null,
      me.rights.includes("operate") ? adoption(preview) : h("p", { class: "quiet" }, "Only an operator may adopt it."),
    ),
  );
}

function adoption(preview) {
  const reason = h("input", {
    id: "adopt-reason",
    maxlength: 1000,
    required: true,
    placeholder: "Why? It stays on the log.",
  });
  const form = h(
    "form",
    { class: "adopt" },
    h("label", { for: "adopt-reason", class: "unseen" }, "Why?"),
    reason,
    h("button", { class: "primary" }, "Adopt this policy"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post(
        "/policies",
        { policy: preview.document, revision: preview.policy_seq, reason: reason.value.trim() },
        { isKeyed: false },
      );
      toast("Adopted: it holds from here on.");
      setTimeout(() => location.reload(), 900);
    } catch (problem) {
      toast(problem.message, { isBad: true });
    }
  });
  return form;
}

function history({ adopted, total, digest: holding, shipped_digest: shipped }, back) {
  const past = (digest) => [
    digest === holding
      ? null
      : h("button", { type: "button", class: "quiet-button", onclick: () => back(digest) }, "Preview going back"),
    whole(digest),
  ];
  const entries = adopted.map((one, n) =>
    h(
      "li",
      { class: n === 0 ? "is-good" : "" },
      h("b", {}, n === 0 ? "Holds now, adopted" : "Adopted"),
      ` by ${one.actor}`,
      one.reason && h("p", { class: "note", dir: "auto" }, one.reason),
      changes(one),
      h(
        "span",
        { class: "stamp" },
        h("time", { datetime: one.occurred_at, title: moment(one.occurred_at) }, ago(one.occurred_at)),
        h("span", { class: "mono" }, one.digest.slice(0, 12)),
        h("span", {}, `#${number(one.seq)}`),
      ),
      h("div", { class: "past" }, past(one.digest)),
    ),
  );
  const rest = total - adopted.length;
  return h(
    "section",
    { class: "card", "aria-label": "History" },
    h("header", {}, h("h2", {}, "History")),
    h(
      "div",
      { class: "body" },
      h(
        "ol",
        { class: "history" },
        entries,
        rest > 0 &&
          h("li", {}, h("p", {}, `${count(rest, "adoption")} before these: `, h("code", {}, "rooflog policy history"))),
        h(
          "li",
          { class: adopted.length ? "" : "is-good" },
          h("b", {}, adopted.length ? "The policy that rooflog ships" : "The policy that rooflog ships holds now"),
          h("span", { class: "stamp" }, h("span", { class: "mono" }, shipped.slice(0, 12))),
          h("div", { class: "past" }, past(shipped)),
        ),
      ),
    ),
  );
}

/** A whole document, asked for when somebody opens it. */
function whole(digest) {
  const text = h("pre", { tabindex: "0", "aria-label": "The whole policy" }, "…");
  const element = h("details", { class: "small" }, h("summary", {}, "The whole policy"), text);
  element.addEventListener("toggle", async () => {
    if (!element.open || element.dataset.isThere) return;
    element.dataset.isThere = "true";
    try {
      put(text, JSON.stringify((await get(`/policies/${digest}`)).policy, null, 2));
    } catch (problem) {
      delete element.dataset.isThere;
      put(text, problem.message);
    }
  });
  return element;
}

function changes({ changes: changed, lexicon_changes: entries }) {
  const words = changed.map(
    ({ setting, now, then }) => `${LABELS[setting] ?? plain(setting)}: ${told(now)} → ${told(then)}`,
  );
  if (entries) words.push(`the lexicon in ${count(entries, "entry", "entries")}`);
  return h("p", { class: "small" }, words.join("; ") || "no change");
}

function told(value) {
  return Array.isArray(value) ? value.join(", ") || "none" : String(value ?? "none");
}
