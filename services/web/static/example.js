/** An example and everything about it, as the review and the example's own page show it. */

import { address, exampleAddress } from "./address.js";
import { between, systemBubble } from "./bubbles.js";
import { h, link } from "./dom.js";
import { factList } from "./example_facts.js";
import { historyPart } from "./history.js";
import { asOf } from "./moment.js";
import { block, comparedText, difference, line, markedText } from "./texts.js";
import { thread } from "./thread.js";
import { APPROVALS, ago, CAUSES, parseReason, plain } from "./words.js";

/** @import { Example, ExampleRow, Span } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */
/** @import { Dossier } from "./dossier.js" */

/** Characters of a question that a title shows. */
const TITLE_LENGTH = 280;

const BAD_REASONS = ["rejected", "erased", "personal_data"];

/**
 * The parts of an article about an example. `place` is the line above its title, `notice` stands before its texts.
 *
 * @param {Dossier} dossier
 * @param {Child} place
 * @param {Child} notice
 */
export function articleParts({ example, history, spans, other }, place, notice = null) {
  return [
    h("p", { class: "place" }, place),
    systemBubble(example, spans),
    thread(example),
    h("header", {}, title(example, spans), verdict(example)),
    notice,
    questionPart(example, spans),
    between(example, spans),
    other && example.original_response === null && !hasSpans(spans, "response") ? null : answerParts(example, spans),
    other && contradiction(example, other),
    h(
      "div",
      { class: "beside" },
      h("section", {}, h("h3", {}, "About it"), factList(example, spans)),
      h("section", {}, h("h3", {}, "History"), historyPart(example, history)),
    ),
  ];
}

/**
 * What stays in sight while an example is edited: its texts as they are, what a correction changed, and its history.
 *
 * @param {Dossier} dossier
 */
export function originalParts({ example, history, spans }) {
  return h(
    "aside",
    { class: "original", "aria-label": "As it is now" },
    systemBubble(example, spans),
    thread(example),
    h("section", { class: "said" }, h("h3", {}, "Question now"), fieldBlock(example, spans, "prompt")),
    between(example, spans),
    answerParts(example, spans, "Answer now"),
    h("section", {}, h("h3", {}, "History"), historyPart(example, history)),
  );
}

/**
 * A row of a list: how an example begins, and whether it is in the training set.
 *
 * @param {ExampleRow} item
 * @param {string} [text] the words of the search that it was found by: its page marks them
 */
export function exampleRow(item, text = "") {
  const [reason] = item.reasons;
  return link(
    address(exampleAddress(item.example_id), { text }),
    { class: "example-row" },
    line(item.prompt, { class: "prompt" }),
    line(item.response, { class: "response" }),
    h(
      "span",
      { class: "about" },
      h("span", { class: reason ? "state" : "state is-good" }, reason ? parseReason(reason).words : "in training"),
      item.kind === "correction" && h("span", { class: "state is-copper" }, "correction"),
      h("span", {}, plain(item.source)),
      item.personal_data_elsewhere.length > 0 &&
        h(
          "span",
          { class: "state", title: `personal data: ${plain(item.personal_data_elsewhere.join(", "))}` },
          "private",
        ),
      item.project_context !== "general" && h("span", {}, item.project_context),
      h("span", {}, ago(item.occurred_at)),
    ),
  );
}

/**
 * The way to all that is like an example and waits.
 *
 * @param {string} id
 */
export function moreLikeThis(id) {
  return asOf === null && link(address("/review", { like: id }), {}, "More like this");
}

/**
 * Says that a list is of what is like an example.
 *
 * @param {string} id the example, or nothing
 */
export function likeLine(id) {
  return id !== "" && h("p", { class: "quiet" }, "Like ", link(exampleAddress(id), {}, "this example"));
}

/**
 * The question as a title, or the beginning of a long one.
 *
 * @param {Example} example
 * @param {Span[]} spans
 */
function title({ prompt }, spans) {
  const shown = fitsTitle(prompt)
    ? markedText(prompt, spansOf(spans, "prompt"), "prompt")
    : line(prompt.slice(0, TITLE_LENGTH));
  return h("h2", { class: "stage-title", tabindex: "-1" }, shown);
}

/** @param {string} prompt */
function fitsTitle(prompt) {
  return prompt.length > 0 && prompt.length <= TITLE_LENGTH && !prompt.includes("\n");
}

/**
 * Chips: in the training set, or every reason why not.
 *
 * @param {Example} example
 */
function verdict(example) {
  const { in_training: isInTraining, reasons } = example.verdict;
  if (isInTraining) {
    return h("ul", { class: "chips" }, h("li", { class: "chip is-good" }, "In the training set"), approval(example));
  }
  const chips = reasons.map((reason) => {
    const { name, otherId, words } = parseReason(reason);
    const tone = BAD_REASONS.includes(name) ? "is-bad" : "is-quiet";
    return h("li", { class: `chip ${tone}` }, otherId ? link(exampleAddress(otherId), {}, words) : words);
  });
  const causes = example.incomplete.map((cause) => h("li", { class: "chip is-quiet" }, CAUSES[cause] ?? cause));
  return h("ul", { class: "chips" }, h("li", { class: "chip is-off" }, "Not in the training set"), chips, causes);
}

/** @param {Example} example */
function approval(example) {
  const words = APPROVALS[example.approval ?? ""];
  if (!words) return null;
  const isByReviewer = example.approval === "reviewer" && example.reviewer;
  return h("li", { class: "chip is-quiet" }, isByReviewer ? `approved by ${example.reviewer}` : words);
}

/**
 * The question, unless the title shows all of it.
 *
 * @param {Example} example
 * @param {Span[]} spans
 */
function questionPart(example, spans) {
  if (fitsTitle(example.prompt)) return null;
  const text = fieldBlock(example, spans, "prompt");
  return h("section", { class: "said" }, h("h3", {}, "Question"), text);
}

/**
 * The answer; a correction shows what it changed.
 *
 * @param {Example} example
 * @param {Span[]} spans
 * @param {string} name what stands above an answer that is no correction
 */
function answerParts(example, spans, name = "Answer") {
  const answer = fieldBlock(example, spans, "response");
  if (example.original_response === null) return h("section", { class: "said" }, h("h3", {}, name), answer);
  const before = fieldBlock(example, spans, "original_response");
  const both = h(
    "details",
    { class: "whole" },
    h("summary", {}, "Both answers on their own"),
    h(
      "div",
      { class: "sides" },
      h("section", {}, h("h4", {}, "Before"), before),
      h("section", {}, h("h4", {}, "Corrected"), answer),
    ),
  );
  both.open = hasSpans(spans, "response") || hasSpans(spans, "original_response");
  const changes = difference(example.original_response, example.response);
  const reason = example.correction_reason;
  return [
    example.original_prompt !== null && questionChange(example, example.original_prompt, spans),
    example.original_response !== example.response &&
      h("section", { class: "said" }, h("h3", {}, "What the correction changed"), changes),
    reason && h("p", { class: "because" }, h("b", {}, "Reason: "), h("span", { dir: "auto" }, reason)),
    both,
  ];
}

/**
 * What a correction changed of the question.
 *
 * @param {Example} example
 * @param {string} before
 * @param {Span[]} spans
 */
function questionChange(example, before, spans) {
  return h(
    "section",
    { class: "said" },
    h("h3", {}, "The question was another one"),
    difference(before, example.prompt),
    h(
      "details",
      { class: "whole", open: hasSpans(spans, "original_prompt") },
      h("summary", {}, "The question before, on its own"),
      fieldBlock(example, spans, "original_prompt"),
    ),
  );
}

/**
 * A text of an example that can be marked and selected.
 *
 * @param {Example} example
 * @param {Span[]} spans
 * @param {"prompt" | "response" | "original_response" | "original_prompt"} field
 */
function fieldBlock(example, spans, field) {
  return block(example[field] ?? "", { spans: spansOf(spans, field), empty: emptyWords(example), field });
}

/**
 * @param {Span[]} spans
 * @param {string} field
 */
function spansOf(spans, field) {
  return spans.filter((span) => span.field === field);
}

/**
 * @param {Span[]} spans
 * @param {string} field
 */
function hasSpans(spans, field) {
  return spansOf(spans, field).length > 0;
}

/** @param {Example} example */
function emptyWords(example) {
  return example.verdict.reasons.includes("erased") ? "The text was erased for good." : "empty";
}

/**
 * Two answers to one question that cannot both be right, side by side.
 *
 * @param {Example} example
 * @param {Example} other
 */
function contradiction(example, other) {
  return h(
    "section",
    { class: "contradiction" },
    h("h3", {}, "These two answers contradict each other"),
    h(
      "div",
      { class: "sides" },
      h("section", {}, h("h4", {}, "This one"), comparedText(example.response, other.response)),
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
        comparedText(other.response, example.response),
      ),
    ),
  );
}

/** @param {Example} example */
function standing(example) {
  if (example.verdict.in_training) return "in the training set";
  if (example.decision) return `${example.decision} by ${example.reviewer}`;
  return "undecided";
}
