/** Lineage, both ways: from a line of a file to what is behind it, from an export to its examples, from an example to both. */

import { get } from "./api.js";
import { exampleAddress, h, link, put } from "./dom.js";
import { nothing } from "./example.js";
import { APPROVALS, FACTS, ago, count, moment, number, plain } from "./words.js";

const FORMATS = ["sft", "dpo", "kto_good", "kto_bad"];

/** The exports that hold an example, with its lines in each, and the trainings on them. */
export async function heldBy(id, isInTraining) {
  const title = h("h2", {}, "Exports and trainings");
  let told;
  try {
    told = await get("/lineage", { of: id });
  } catch (problem) {
    const why =
      problem.code === "exporter_unavailable"
        ? "The exporter does not run: it alone looks into the volume."
        : problem.message;
    return [h("header", {}, title), h("div", { class: "body" }, nothing("Nobody can tell right now", why))];
  }
  const empty = isInTraining
    ? ["In no export yet", "It is in the training set: the next export takes it."]
    : ["In no export", "None that the volume holds had it."];
  return [
    h("header", {}, title),
    h(
      "div",
      { class: "body" },
      told.in.length ? h("ol", { class: "held" }, told.in.map(held)) : nothing(...empty),
      told.untold.length
        ? h(
            "p",
            { class: "quiet small" },
            `${count(told.untold.length, "older export")} no longer on the volume: nobody can tell whether it was in there.`,
          )
        : null,
    ),
  ];
}

function held({ export_digest: digest, at, last_seq: last, approval, reviewer, lines, trainings }) {
  return h(
    "li",
    {},
    h(
      "p",
      {},
      link(`/exports#${digest}`, { class: "mono", title: digest }, digest.slice(0, 12)),
      h(
        "span",
        { class: "quiet" },
        ` made `,
        h("time", { datetime: at, title: moment(at) }, ago(at)),
        ` from facts 1 to ${number(last)} · ${basis(approval, reviewer)}`,
      ),
    ),
    h(
      "ul",
      { class: "lines" },
      lines.map((told) => h("li", { class: "mono" }, told)),
    ),
    trainings.length ? trainings.map(training) : h("p", { class: "quiet" }, "Not trained on."),
  );
}

/** A training on an export, in a line. */
export function training({ outcome, at, call_id: call, detail }) {
  const tone = { succeeded: "is-good", started: "is-copper", failed: "is-bad" }[outcome] ?? "";
  return h(
    "p",
    {},
    h("span", { class: `state ${tone}` }, `training ${outcome}`),
    ` ${ago(at)}`,
    call && h("span", { class: "quiet small mono" }, ` ${call}`),
    detail && h("span", { class: "quiet small" }, ` ${detail}`),
  );
}

/** A card that answers where a line comes from, or what an export holds; `ask` shows it. */
export function tracing() {
  const field = h("input", {
    id: "trace",
    maxlength: 400,
    required: true,
    spellcheck: "false",
    placeholder: "training_conversations.jsonl:17",
  });
  const told = h("div", { "aria-live": "polite" });
  const form = h(
    "form",
    { class: "trace-form" },
    h("label", { for: "trace" }, "A line of a file, an example, or an export"),
    h("div", { class: "line" }, field, h("button", { class: "secondary" }, "Trace")),
  );
  const card = h(
    "section",
    { class: "card trace", "aria-labelledby": "trace-title" },
    h("header", {}, h("h2", { id: "trace-title" }, "Where does a line come from?")),
    h("div", { class: "body" }, form, told),
  );
  const ask = async (of) => {
    field.value = of;
    put(told, h("p", { class: "quiet" }, "Looking into the volume …"));
    try {
      put(told, ...answer(await get("/lineage", { of, limit: 50 })));
    } catch (problem) {
      put(told, h("p", { class: "wrong", role: "alert" }, problem.message));
    }
    card.scrollIntoView({ block: "start" });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(field.value.trim());
  });
  return { card, ask };
}

function answer(told) {
  if (told.row)
    return [
      h("h3", {}, told.row),
      behind(told),
      told.exports.length
        ? [h("h3", {}, "In these exports"), h("ol", { class: "held" }, told.exports.map(held))]
        : null,
    ];
  if (told.export) {
    const { export: made, rows } = told;
    const rest = (made.counts.examples ?? rows.length) - rows.length;
    return [
      h(
        "h3",
        {},
        `Export ${made.export_digest.slice(0, 12)}: ${count(made.counts.examples ?? rows.length, "example")}`,
      ),
      rows.length
        ? h(
            "ol",
            { class: "held" },
            rows.map((row) => h("li", {}, behind(row, { isOpen: false }))),
          )
        : h("p", { class: "quiet" }, "Its lineage is no longer on the volume."),
      rest > 0 && rows.length
        ? h(
            "p",
            { class: "quiet small" },
            `${number(rest)} more: `,
            h("code", {}, `rooflog lineage ${made.export_digest.slice(0, 12)} --limit ${made.counts.examples}`),
          )
        : null,
    ];
  }
  return [
    h("h3", {}, told.example_id),
    told.in.length
      ? h("ol", { class: "held" }, told.in.map(held))
      : h("p", { class: "quiet" }, "In no export that the volume holds."),
  ];
}

/** What is behind a row: the example, who stands for it, its lines, and the facts in the order of the log. */
function behind(row, { isOpen = true } = {}) {
  const places = FORMATS.filter((name) => row[name] !== null && row[name] !== undefined).map(
    (name) => `${name.replace("_", " ")} ${row.split}:${row[name]}`,
  );
  const facts = h(
    "details",
    { class: "small" },
    h("summary", {}, `${count(row.facts.length, "fact")} behind it`),
    h(
      "ol",
      { class: "facts-behind" },
      row.facts.map(({ seq, at, fact, actor }) =>
        h(
          "li",
          {},
          h("span", { class: "seq quiet" }, `#${number(seq)}`),
          h("span", {}, h("b", {}, FACTS[fact] ?? plain(fact)), ` by ${actor}`),
          h("time", { class: "quiet", datetime: at, title: moment(at) }, ago(at)),
        ),
      ),
    ),
  );
  facts.open = isOpen;
  return h(
    "div",
    { class: "behind" },
    h(
      "p",
      {},
      link(exampleAddress(row.example_id), { class: "id" }, row.example_id),
      h("span", { class: "quiet" }, ` ${row.kind} from ${plain(row.source)} · ${basis(row.approval, row.reviewer)}`),
    ),
    places.length
      ? h(
          "ul",
          { class: "lines" },
          places.map((place) => h("li", { class: "mono" }, place)),
        )
      : null,
    facts,
  );
}

function basis(approval, reviewer) {
  if (!approval) return "as a bad answer";
  return `${APPROVALS[approval] ?? plain(approval)}${reviewer ? `; ${reviewer} stands for it` : ""}`;
}
