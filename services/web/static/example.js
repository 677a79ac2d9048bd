/** An example and everything about it, as the review and the example's own page show it. */

import { address, exampleAddress, h, link, unseen } from "./dom.js";
import { block, difference, line, marked, side } from "./texts.js";
import { APPROVALS, FACTS, ago, moment, number, plain, reason } from "./words.js";

/** Chips that say where an example stands: trained on, or every reason why not. */
export function verdict(example) {
  const { in_training: isIn, reasons } = example.verdict;
  if (isIn) {
    return h("ul", { class: "chips" }, h("li", { class: "chip is-good" }, "In the training set"), approval(example));
  }
  const chips = reasons.map((told) => {
    const { name, other, words } = reason(told);
    const tone = ["rejected", "erased", "personal_data"].includes(name) ? "is-bad" : "is-quiet";
    return h("li", { class: `chip ${tone}` }, other ? link(exampleAddress(other), {}, words) : words);
  });
  return h("ul", { class: "chips" }, h("li", { class: "chip is-off" }, "Not in the training set"), chips);
}

function approval(example) {
  const why = APPROVALS[example.approval];
  return (
    why &&
    h(
      "li",
      { class: "chip is-quiet" },
      example.approval === "reviewer" && example.reviewer ? `approved by ${example.reviewer}` : why,
    )
  );
}

/** Can the title show the whole question? */
export function isShort(prompt) {
  return prompt.length > 0 && prompt.length <= 280 && !prompt.includes("\n");
}

/** The question as a title; the beginning of a long one. */
export function title(example, spans = []) {
  const shown = isShort(example.prompt)
    ? marked(
        example.prompt,
        spans.filter(({ field }) => field === "prompt"),
      )
    : line(example.prompt.slice(0, 280));
  return h("h2", { class: "stage-title", tabindex: "-1" }, shown);
}

/** Question and answer, unless title or comparison show them; a correction shows what it changed. `spans` are personal data by field. */
export function texts(example, spans = [], { isTitled = false, isCompared = false } = {}) {
  const of = (field) => spans.filter((span) => span.field === field);
  const parts = isTitled
    ? []
    : [
        h(
          "section",
          { class: "said" },
          h("h3", {}, "Question"),
          block(example.prompt, { spans: of("prompt"), empty: gone(example) }),
        ),
      ];
  if (example.original_response === null && isCompared && !of("response").length) return parts;
  if (example.original_response === null) {
    parts.push(
      h(
        "section",
        { class: "said" },
        h("h3", {}, "Answer"),
        block(example.response, { spans: of("response"), empty: gone(example) }),
      ),
    );
    return parts;
  }
  const compared = h(
    "section",
    { class: "said" },
    h("h3", {}, "What the correction changed"),
    difference(example.original_response, example.response),
  );
  const whole = h(
    "details",
    { class: "whole" },
    h("summary", {}, "Both answers on their own"),
    h(
      "div",
      { class: "sides" },
      h("section", {}, h("h4", {}, "Before"), block(example.original_response, { spans: of("original_response") })),
      h("section", {}, h("h4", {}, "Corrected"), block(example.response, { spans: of("response") })),
    ),
  );
  whole.open = spans.some((span) => span.field !== "prompt");
  parts.push(
    compared,
    example.correction_reason &&
      h("p", { class: "because" }, h("b", {}, "Reason: "), h("span", { dir: "auto" }, example.correction_reason)),
    whole,
  );
  return parts;
}

function gone(example) {
  return example.verdict.reasons.includes("erased") ? "The text was erased for good." : "empty";
}

/** Two answers to one question that cannot both be right, side by side. */
export function contradiction(example, other) {
  return h(
    "section",
    { class: "contradiction" },
    h("h3", {}, "These two answers contradict each other"),
    h(
      "div",
      { class: "sides" },
      h("section", {}, h("h4", {}, "This one"), side(example.response, other.response)),
      h(
        "section",
        {},
        h(
          "h4",
          {},
          link(exampleAddress(other.example_id), {}, "The other one"),
          " ",
          h("span", { class: "quiet" }, standing(other)),
        ),
        other.prompt !== example.prompt && h("p", { class: "other-prompt" }, line(other.prompt)),
        side(other.response, example.response),
      ),
    ),
  );
}

function standing(example) {
  if (example.verdict.in_training) return "in the training set";
  if (example.decision) return `${example.decision} by ${example.reviewer}`;
  return "undecided";
}

/** What is known about an example besides its words. */
export function facts(example) {
  const rows = [
    ["Source", plain(example.source)],
    [
      "Said",
      h("time", { datetime: example.occurred_at, title: moment(example.occurred_at) }, ago(example.occurred_at)),
      ` by ${example.actor}`,
    ],
    example.corrector && ["Corrector", example.corrector],
    ["Project", example.project_context],
    example.document_type && [
      "Document",
      `${plain(example.document_type)}, ${example.was_used ? `used with ${plain(example.modifications_made ?? "none")} changes` : "not used"}`,
    ],
    example.skill_used && ["Skill", plain(example.skill_used)],
    example.tier_handled && ["Tier", example.tier_handled],
    example.latency_ms !== null && ["Latency", `${number(Math.round(example.latency_ms))} ms`],
    example.tokens_in !== null && ["Tokens", `${number(example.tokens_in)} in, ${number(example.tokens_out ?? 0)} out`],
    ["Relevance", `${example.relevance} (score ${example.score})`],
    example.terms.length && ["Terms", example.terms.join(", ")],
    example.feedback && ["Feedback", example.feedback],
    [
      "Tags",
      h(
        "span",
        { class: "tags" },
        example.tags.map((tag) => link(address("/examples", { tag }), { class: "tag" }, tag)),
      ),
    ],
    ...Object.entries(example.details ?? {}).map(([name, value]) => [
      plain(name),
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
    ["Id", link(exampleAddress(example.example_id), { class: "id" }, example.example_id)],
    ["Revision", number(example.revision)],
  ];
  return h(
    "dl",
    { class: "facts" },
    rows.filter(Boolean).map(([name, ...value]) => h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value))),
  );
}

/** Everything ever said about an example, in order. */
export function history(entries) {
  return h(
    "ol",
    { class: "history" },
    entries.map(({ seq, received_at: received, fact, told }) => entry(seq, fact, told, received)),
  );
}

function entry(seq, fact, told, received) {
  if (!fact) return h("li", {}, h("b", {}, "No valid fact"), h("p", {}, told), stamp(seq, received));
  const kind = fact.type.replace(/\.v\d+$/, "");
  const tone = { "example.approved": "is-good", "example.rejected": "is-bad" }[kind] ?? "";
  const note = fact.reason ?? fact.comment;
  const name =
    kind === "feedback.given" ? `Thumbs ${fact.feedback === "positive" ? "up" : "down"}` : (FACTS[kind] ?? kind);
  return h(
    "li",
    { class: tone },
    h("b", {}, name),
    ` by ${fact.actor}`,
    kind === "correction.recorded" && [" ", link(exampleAddress(fact.event_id), {}, "the correction")],
    note && h("p", { class: "note", dir: "auto" }, note),
    stamp(seq, fact.occurred_at),
  );
}

function stamp(seq, at) {
  return h(
    "span",
    { class: "stamp" },
    h("time", { datetime: at, title: moment(at) }, ago(at)),
    unseen(", "),
    h("span", { title: "sequence on the log" }, `#${number(seq)}`),
  );
}

/** A row of a list: how an example begins, and where it stands. */
export function row(item, { extra } = {}) {
  const state = item.reasons.length ? reason(item.reasons[0]).words : "in training";
  return link(
    exampleAddress(item.example_id),
    { class: "example-row" },
    line(item.prompt, { class: "prompt" }),
    line(item.response, { class: "response" }),
    h(
      "span",
      { class: "about" },
      h("span", { class: item.reasons.length ? "state" : "state is-good" }, state),
      item.kind === "correction" && h("span", { class: "state is-copper" }, "correction"),
      h("span", {}, plain(item.source)),
      item.project_context !== "general" && h("span", {}, item.project_context),
      h("span", {}, ago(item.occurred_at)),
      extra,
    ),
  );
}

export function nothing(title, ...explained) {
  return h(
    "div",
    { class: "nothing" },
    h("p", { class: "nothing-title" }, title),
    explained.length ? h("p", {}, explained) : null,
  );
}
