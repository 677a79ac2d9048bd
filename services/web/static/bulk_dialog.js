/** The dialog about a decision on many examples: what it would change, then how far it is. */

import { get, problemOf } from "./api.js";
import { collect, decideMany, revisionsOf } from "./bulk.js";
import { openDialog } from "./dialog.js";
import { h, put } from "./dom.js";
import { count, number, plain, REASONS } from "./words.js";

/** @import { BulkPath, Covered, Parameters } from "../answers.d.ts" */
/** @import { Outcome, SeenExample } from "./bulk.js" */

/** @typedef {"approve" | "reject" | "tag" | "untag" | "move" | "exclude" | "include"} Doing */

/**
 * What was done with many examples, in words, with the way back; null where there is none.
 *
 * @typedef {{ words: string, isBad: boolean, undo: (() => Promise<Result>) | null }} Result
 */

/** @type {Record<Doing, { title: string, button: string, done: string }>} */
const DOINGS = {
  approve: { title: "Approve", button: "Approve", done: "Approved" },
  reject: { title: "Reject", button: "Reject", done: "Rejected" },
  tag: { title: "Give a tag", button: "Give the tag to", done: "Tagged" },
  untag: { title: "Take a tag away", button: "Take the tag from", done: "Untagged" },
  move: { title: "Move to a project", button: "Move", done: "Moved" },
  exclude: { title: "Exclude from training", button: "Exclude", done: "Excluded" },
  include: { title: "No longer exclude", button: "Include", done: "Included" },
};

/** @type {Doing[]} */
const DESCRIPTIONS = ["tag", "untag", "move", "exclude", "include"];

/**
 * @param {Doing} doing
 * @param {Parameters} which filters, or ids
 * @param {string} words which examples these are, for the log
 * @param {(result: Result) => unknown} done what follows once something is on the log
 */
export function openBulk(doing, which, words, done) {
  new BulkDialog(doing, which, words, done).open();
}

class BulkDialog {
  /**
   * @param {Doing} doing
   * @param {Parameters} which
   * @param {string} words
   * @param {(result: Result) => unknown} done
   */
  constructor(doing, which, words, done) {
    this.doing = doing;
    this.which = which;
    this.words = words;
    this.done = done;
    /** @type {Covered | null} null while it is not known what would be decided */
    this.covered = null;
    /** Counts the previews, so that only the last one is shown. */
    this.reading = 0;
    const options = DESCRIPTIONS.map((name) => h("option", { value: name }, DOINGS[name].title));
    this.kind = h("select", { id: "bulk-kind" }, options);
    this.value = h("input", { id: "bulk-value", maxlength: 200, autocomplete: "off" });
    this.valueField = field("bulk-value", "Which", this.value);
    this.reason = h("input", { id: "bulk-reason", autocomplete: "off" });
    this.plain = h("input", { type: "checkbox", id: "bulk-plain", checked: doing === "approve" });
    this.plainLabel = h("label", { for: "bulk-plain" });
    this.plainLine = h("div", { class: "check", hidden: true }, this.plain, this.plainLabel);
    this.effect = h("div", { class: "effect", role: "status" });
    this.bar = h("progress", { "aria-label": "Progress", hidden: true });
    this.button = h("button", { class: doing === "reject" ? "reject" : "primary", disabled: true });
    this.title = h("h2", { id: "bulk-title" });
    this.form = h("form", {});
    this.dialog = h("dialog", { class: "bulk", "aria-labelledby": "bulk-title" }, this.title, this.form);
    this.kind.value = doing;
  }

  get isDescription() {
    return DESCRIPTIONS.includes(this.doing);
  }

  get needsValue() {
    return ["tag", "untag", "move"].includes(this.doing);
  }

  async open() {
    const cancel = h("button", { type: "button", class: "secondary", onclick: () => this.dialog.close() }, "Cancel");
    const why = this.doing === "reject" ? "Why must they not be trained on?" : "Why? (optional)";
    put(
      this.form,
      this.isDescription && field("bulk-kind", "What", this.kind),
      this.isDescription && this.valueField,
      field("bulk-reason", why, this.reason),
      this.plainLine,
      this.effect,
      this.bar,
      h("div", { class: "buttons" }, this.button, cancel),
    );
    this.kind.addEventListener("change", () => {
      this.doing = /** @type {Doing} */ (this.kind.value);
      this.preview();
    });
    this.value.addEventListener("change", () => this.preview());
    this.plain.addEventListener("change", () => this.preview());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.decide();
    });
    openDialog(this.dialog, { closesBeside: false });
    this.reason.focus();
    await this.preview();
  }

  /** The parameters that say what would be covered. */
  parameters() {
    const value = this.needsValue ? this.value.value.trim() : null;
    return { ...this.which, doing: this.doing, value, plain: this.plain.checked ? "true" : null };
  }

  /** Say what the decision would change. */
  async preview() {
    this.reading += 1;
    const { reading } = this;
    this.covered = null;
    this.valueField.hidden = !this.needsValue;
    put(this.title, DOINGS[this.doing].title);
    put(this.button, DOINGS[this.doing].button);
    this.button.disabled = true;
    if (this.needsValue && !this.value.value.trim()) {
      put(this.effect, h("p", { class: "quiet" }, this.doing === "move" ? "Name the project." : "Name the tag."));
      return;
    }
    put(this.effect, h("p", { class: "quiet" }, "Looking …"));
    try {
      const asked = this.parameters();
      const [covered, other] = await Promise.all([
        get("/review/covered", { ...asked, limit: 1 }),
        get("/review/covered", { ...asked, plain: this.plain.checked ? null : "true", limit: 1 }),
      ]);
      if (reading === this.reading) this.show(covered, Math.abs(covered.total - other.total));
    } catch (error) {
      if (reading === this.reading) put(this.effect, h("p", { role: "alert" }, problemOf(error).message));
    }
  }

  /**
   * @param {Covered} covered
   * @param {number} looks how many of all need a look
   */
  show(covered, looks) {
    this.covered = covered;
    this.plainLine.hidden = looks === 0;
    put(this.plainLabel, `Leave out ${count(looks, "that needs a look", "that need a look")}`);
    put(this.effect, effectWords(covered));
    put(this.button, `${DOINGS[this.doing].button} ${number(covered.total)}`);
    this.button.disabled = covered.total === 0;
  }

  /** Decide on all that the preview covered; what is on the log when something fails stays, and can be undone. */
  async decide() {
    const { covered, doing } = this;
    const reason = this.reason.value.trim();
    if (!covered?.total) return;
    if (doing === "reject" && !reason) {
      this.reason.focus();
      put(this.effect, h("p", { role: "alert" }, "A rejection needs a reason."), effectWords(covered));
      return;
    }
    this.button.disabled = true;
    /** @type {Outcome} */
    const outcome = { done: [], refused: 0 };
    const bulk = `in bulk: ${this.words}`;
    let failure = "";
    try {
      const which = this.parameters();
      const { items, changed } = await collect(which, covered.checkpoint, (n) => this.progress("Reading", n));
      outcome.refused = changed;
      const body = { ...this.body(), reason: reason ? `${reason} (${bulk})` : bulk };
      await decideMany(pathOf(doing), items, body, outcome, () => this.progress("Recorded", outcome.done.length));
    } catch (error) {
      failure = problemOf(error).message;
    }
    if (!outcome.done.length && failure) {
      this.bar.hidden = true;
      this.button.disabled = false;
      put(this.effect, h("p", { role: "alert" }, failure));
      return;
    }
    this.dialog.close();
    await this.done(result(DOINGS[doing].done, outcome, failure, bulk));
  }

  /** What is said of each beside the reason. */
  body() {
    const { value } = this.covered ?? {};
    if (this.doing === "tag") return { added_tags: [value] };
    if (this.doing === "untag") return { removed_tags: [value] };
    if (this.doing === "move") return { project: value };
    return this.isDescription ? { include_in_training: this.doing === "include" } : {};
  }

  /**
   * @param {string} words
   * @param {number} n
   */
  progress(words, n) {
    const total = this.covered?.total ?? 0;
    this.bar.hidden = false;
    this.bar.max = total;
    this.bar.value = n;
    put(this.effect, h("p", {}, `${words} ${number(n)} of ${number(total)} …`));
  }
}

/**
 * @param {string} id
 * @param {string} words
 * @param {HTMLElement} input
 */
function field(id, words, input) {
  return h("div", { class: "field" }, h("label", { for: id }, words), input);
}

/**
 * @param {Doing} doing
 * @returns {BulkPath}
 */
function pathOf(doing) {
  return doing === "approve" || doing === "reject" ? doing : "describe";
}

/** @param {Covered} covered */
function effectWords({ total, effect }) {
  if (!total) return h("p", {}, "Nothing here would change.");
  const lines = [`${count(total, "example")} would be decided.`];
  if (effect) {
    const { enter, leave, stays_in: stays, stays_out: out } = effect;
    if (enter) lines.push(`${count(enter, "comes", "come")} into the training set.`);
    if (leave) lines.push(`${count(leave, "leaves", "leave")} the training set.`);
    if (stays) lines.push(`${count(stays, "stays", "stay")} in it.`);
    for (const [name, n] of Object.entries(out)) {
      lines.push(`${count(n, "is", "are")} kept out: ${REASONS[name] ?? plain(name)}.`);
    }
  }
  return h(
    "ul",
    {},
    lines.map((words) => h("li", {}, words)),
  );
}

/**
 * @param {string} verb
 * @param {Outcome} outcome
 * @param {string} failure
 * @param {string} bulk
 * @returns {Result}
 */
function result(verb, { done, refused }, failure, bulk) {
  const left = refused ? ` ${count(refused, "was", "were")} left: somebody changed something meanwhile.` : "";
  const stopped = failure ? ` Then it stopped: ${failure}` : "";
  return {
    words: `${verb} ${number(done.length)}.${left}${stopped}`,
    isBad: Boolean(left || stopped),
    undo: () => undo(revisionsOf(done), bulk),
  };
}

/**
 * Let hold again what held before, for all about which nobody has said more. What an undo did not reach, another may.
 *
 * @param {SeenExample[]} items
 * @param {string} bulk
 * @returns {Promise<Result>}
 */
async function undo(items, bulk) {
  /** @type {Outcome} */
  const outcome = { done: [], refused: 0 };
  let failure = "";
  try {
    await decideMany("undo", items, { reason: `undone: ${bulk}` }, outcome, () => {});
  } catch (error) {
    failure = problemOf(error).message;
  }
  const back = result("Undone:", outcome, failure, bulk);
  const rest = items.slice(outcome.done.length + outcome.refused);
  return { ...back, undo: failure ? () => undo(rest, bulk) : null };
}
