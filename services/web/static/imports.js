/** Import: a file is uploaded, what would come of it is shown, and then it is imported or dropped. */

import { get, post, problemOf, remove, upload } from "./api.js";
import { emptyState, h, put } from "./dom.js";
import { pastErrands, watched } from "./errands.js";
import { bytes, count, number, plain } from "./words.js";

/** @import { Errand, ImportResult, Session } from "../answers.d.ts" */

const ENDINGS = ".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.gz,.zst";

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const mayImport = me.rights.includes("operate");
  const place = h("div", { "aria-live": "polite" });
  const before = h("section", { class: "card", "aria-label": "Imports before" });
  const promise = "Old stores, chat logs, traces, rows of annotation tools. Importing a file again adds nothing.";
  const title = h("div", { class: "page-title" }, h("h1", {}, "Import"), h("p", { class: "quiet" }, promise));
  put(main, title, mayImport ? uploadCard(place, refresh) : onlyOperators(), place, before);
  await refresh();

  async function refresh() {
    const { items } = await get("/errands", { name: "import" });
    const list = items.length ? pastErrands(items, outcome) : emptyState("Nothing was imported here yet");
    put(before, h("header", {}, h("h2", {}, "Imports before")), list);
  }
}

function onlyOperators() {
  const reason = "A file says who approved what, so only an operator may import it.";
  return h("p", { class: "notice" }, reason);
}

/**
 * @param {HTMLElement} place where the file and what comes of it are shown
 * @param {() => unknown} done
 */
function uploadCard(place, done) {
  const field = h("input", { type: "file", id: "import-file", required: true, accept: ENDINGS });
  const form = h(
    "form",
    { class: "card import-form" },
    h("label", { for: "import-file" }, "A file of JSON lines, JSON, a table or Parquet, also packed"),
    h("div", { class: "line" }, field, h("button", { class: "primary" }, "Show what would come of it")),
    h("p", { class: "quiet small" }, "Nothing is imported before you have seen that."),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = field.files?.[0];
    if (file) await shown(place, () => preview(file, place, done));
  });
  return form;
}

/**
 * Do something; where it fails say why.
 *
 * @param {HTMLElement} place
 * @param {() => Promise<unknown>} work
 */
async function shown(place, work) {
  try {
    await work();
  } catch (error) {
    put(place, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
  }
}

/**
 * @param {File} file
 * @param {HTMLElement} place
 * @param {() => unknown} done
 */
async function preview(file, place, done) {
  put(place, h("p", { class: "notice", role: "status" }, `Uploading ${file.name} (${bytes(file.size)}) …`));
  const uploaded = await upload("/imports", file);
  const result = /** @type {ImportResult} */ (await watched(uploaded.preview, place, `Reading ${file.name}`));
  const run = () =>
    shown(place, async () => {
      const errand = await post(`/imports/${uploaded.file}`, {}, { isKeyed: false });
      const imported = /** @type {ImportResult} */ (await watched(errand, place, `Importing ${file.name}`));
      put(place, resultCard(`Imported ${file.name}`, imported));
      await done();
    });
  const drop = async () => {
    await remove(`/imports/${uploaded.file}`);
    put(place);
  };
  const changes = result.new + result.changed;
  const buttons = h(
    "div",
    { class: "buttons" },
    changes > 0 && h("button", { type: "button", class: "primary", onclick: run }, `Import ${count(changes, "fact")}`),
    h("button", { type: "button", class: "quiet-button", onclick: drop }, "Drop the file"),
  );
  put(place, resultCard(`What would come of ${file.name}`, result, buttons));
}

/**
 * @param {string} title
 * @param {ImportResult} result
 * @param {HTMLElement} [buttons]
 */
function resultCard(title, result, buttons) {
  const numbers = {
    lines: result.lines,
    new: result.new,
    "already known": result.existing,
    changed: result.changed,
    refused: result.refused,
    "without an answer": result.ignored,
    problems: result.problem_count,
  };
  const counted = Object.entries(numbers).map(([name, n]) => h("div", {}, h("dt", {}, name), h("dd", {}, number(n))));
  const formats = Object.entries(result.formats).map(([name, n]) => `${name} (${count(n, "line")})`);
  return h(
    "section",
    { class: "card import-result", "aria-label": title },
    h("header", {}, h("h2", {}, title)),
    h(
      "div",
      { class: "body" },
      h("p", {}, formats.length ? `Format: ${formats.join(", ")}` : "No line is of a known format."),
      h("dl", { class: "counted" }, counted),
      Object.entries(result.kinds).map(kindOf),
      result.problem_count > 0 && problemsOf(result),
      buttons,
    ),
  );
}

/** @param {[string, { count: number, examples: string[] }]} kind */
function kindOf([tag, { count: n, examples }]) {
  const lines = examples.map((example) => h("li", { dir: "auto" }, example));
  return h("div", {}, h("h3", {}, `${plain(tag)}: ${number(n)} new`), h("ul", { class: "small" }, lines));
}

/** @param {ImportResult} result */
function problemsOf({ problems, problem_count: total }) {
  const rows = problems.map(({ line, reason }) => h("li", { dir: "auto" }, `line ${number(line)}: ${reason}`));
  const rest = total - problems.length;
  return h(
    "details",
    { open: true },
    h("summary", {}, count(total, "problem")),
    h("ul", { class: "small" }, rows, rest > 0 && h("li", {}, `and ${number(rest)} more`)),
  );
}

/** @param {Errand} errand */
function outcome({ about, phase, error, result }) {
  if (phase === "failed") return `${about}: ${error}`;
  if (!result) return `${about}: ${phase}`;
  const { new: added, changed, problem_count: problems } = /** @type {ImportResult} */ (result);
  return `${about}: ${number(added)} new, ${number(changed)} changed, ${count(problems, "problem")}`;
}
