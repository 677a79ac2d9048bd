/** One example: its words, its verdict, its whole history, and its lineage both ways. */

import { get } from "./api.js";
import { address, h, link, put } from "./dom.js";
import { contradiction, facts, history, isShort, nothing, row, texts, title, verdict } from "./example.js";
import { heldBy } from "./lineage.js";
import { following } from "./live.js";
import { asOf } from "./moment.js";
import { WHY, count } from "./words.js";

export async function draw(main, me) {
  const id = decodeURIComponent(location.pathname.split("/")[2]);
  const path = `/examples/${encodeURIComponent(id)}`;
  const contained = h("section", { class: "card contained", "aria-label": "Exports and trainings" });
  let shown = null;

  const show = async () => {
    let example;
    try {
      example = await get(`/review/${encodeURIComponent(id)}`);
    } catch (problem) {
      if (problem.code !== "unknown_example") throw problem;
      put(
        main,
        h(
          "div",
          { class: "notice" },
          h("h1", {}, "No such example"),
          h("p", {}, `The log holds no example ${id}.`),
          link("/examples", {}, "All examples"),
        ),
      );
      return;
    }
    if (shown !== null && shown === example.revision) return;
    const own = example.example_id;
    const [{ facts: told }, lineage] = await Promise.all([
      get(`/examples/${encodeURIComponent(own)}/history`),
      get(`/examples/${encodeURIComponent(own)}/related`),
    ]);
    const [proposal, other] = await Promise.all([
      example.personal_data.length + example.flags.length && me.rights.includes("decide") && asOf === null
        ? get(`${path}/redaction`).catch(() => null)
        : null,
      example.contradicts ? get(`/examples/${encodeURIComponent(example.contradicts)}`).catch(() => null) : null,
    ]);
    shown = example.revision;
    document.title = `${example.prompt.slice(0, 60)} · rooflog`;
    put(
      main,
      h("h1", { class: "unseen" }, `Example ${own}`),
      h(
        "article",
        { class: "stage-card is-whole", "aria-label": "Example" },
        h(
          "header",
          {},
          h(
            "p",
            { class: "place" },
            example.kind === "correction" ? "Correction" : "Example",
            example.why
              ? [
                  " · waits for review: ",
                  asOf === null
                    ? link(address("/review", { why: example.why }), {}, WHY[example.why].toLowerCase())
                    : WHY[example.why].toLowerCase(),
                  ` — ${example.because.join("; ")}`,
                ]
              : null,
          ),
          title(example, proposal?.found ?? []),
          verdict(example),
        ),
        ...texts(example, proposal?.found ?? [], { isTitled: isShort(example.prompt), isCompared: Boolean(other) }),
        other && contradiction(example, other),
        h(
          "div",
          { class: "beside" },
          h("section", {}, h("h3", {}, "About it"), facts(example)),
          h("section", {}, h("h3", {}, "History"), history(told)),
        ),
      ),
      related(lineage),
      asOf === null ? contained : null,
    );
    if (asOf === null) put(contained, await heldBy(own, example.verdict.in_training));
  };
  await show();
  following(() => show().catch(() => {}));
}

function related(lineage) {
  const parts = [
    ["corrects", "It corrects"],
    ["corrections", "Corrected by"],
    ["same_question", `Other answers to its question (${count(lineage.same_question_total, "example")})`],
  ].filter(([name]) => lineage[name].length);
  if (!parts.length)
    return h(
      "section",
      { class: "card lineage", "aria-label": "Lineage" },
      nothing("It stands alone", "Nothing corrects it, and nobody else asked the same."),
    );
  return h(
    "section",
    { class: "lineage", "aria-label": "Lineage" },
    parts.map(([name, words]) =>
      h(
        "div",
        { class: "card" },
        h("header", {}, h("h2", {}, words)),
        h(
          "ul",
          { class: "rows" },
          lineage[name].map((item) => h("li", {}, row(item))),
        ),
      ),
    ),
  );
}
