/** The facts about an example besides its texts: source, project, conversation, numbers, tags, details. */

import { address, exampleAddress } from "./address.js";
import { h, link } from "./dom.js";
import { ago, moment, number, plain } from "./words.js";

/** @import { Example, ToolTurn } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */

/** @param {Example} example */
export function factList(example) {
  const { occurred_at: at, latency_ms: latency, tokens_in: tokensIn, tokens_out: tokensOut } = example;
  const tags = example.tags.map((tag) => link(address("/examples", { tag }), { class: "tag" }, tag));
  const details = Object.entries(example.details ?? {});
  /** @type {[name: string, value: Child][]} */
  const rows = [
    ["Source", plain(example.source)],
    ["Said", [h("time", { datetime: at, title: moment(at) }, ago(at)), ` by ${example.actor}`]],
    ["Corrector", example.corrector],
    ["Project", example.project_context],
    ["Conversation", example.conversation],
    ["Follows", example.follows && link(exampleAddress(example.follows), { class: "id" }, example.follows)],
    ["System text", example.system],
    ["Tools", example.tools.map(toolWords).join("\n")],
    ["Attachments", example.attachments.map((attachment) => Object.values(attachment).join(" ")).join("\n")],
    ["Document", documentWords(example)],
    ["Skill", example.skill_used && plain(example.skill_used)],
    ["Tier", example.tier_handled],
    ["Model", example.model],
    ["Ended by", example.finish_reason],
    ["Latency", latency !== null && `${number(Math.round(latency))} ms`],
    ["Tokens", tokensIn !== null && `${number(tokensIn)} in, ${number(tokensOut ?? 0)} out`],
    ["Relevance", `${example.relevance} (score ${example.score})`],
    ["Terms", example.terms.join(", ")],
    ["Feedback", example.feedback],
    ["Tags", h("span", { class: "tags" }, tags)],
    ...details.map(([name, value]) => /** @type {[string, Child]} */ ([plain(name), detailWords(value)])),
    ["Id", link(exampleAddress(example.example_id), { class: "id" }, example.example_id)],
    ["Revision", number(example.revision)],
  ];
  return h(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value))),
  );
}

/** @param {Example} example */
function documentWords({ document_type: type, was_used: wasUsed, modifications_made: changes }) {
  if (!type) return null;
  if (!wasUsed) return `${plain(type)}, not used`;
  return `${plain(type)}, used with ${changes === null || changes === "none" ? "no" : plain(changes)} changes`;
}

/** @param {ToolTurn} tool */
export function toolWords({ name, arguments: given = "", result }) {
  return `${name}(${given})${result === undefined ? "" : ` → ${result}`}`;
}

/** @param {unknown} value */
function detailWords(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
