/** The desk: one example with everything about it, and what can be done with it; in the review and on its own page. */

import { exampleAddress } from "../address.js";
import { get, problemOf } from "../api.js";
import { h, key, link, put } from "../dom.js";
import { loadDossier } from "../dossier.js";
import { articleParts } from "../example.js";
import { plain, REASONS } from "../words.js";

/** @import { Example, QueuedExample, Span } from "../../answers.d.ts" */
/** @import { Problem } from "../api.js" */
/** @import { Child } from "../dom.js" */
/** @import { Dossier } from "../dossier.js" */
/** @import { Queue } from "./queue.js" */

/** An example that takes longer to read is said to be read. */
const SLOW_MS = 300;

/** @type {Record<string, string>} */
const PLACES = {
  prompt: "the question",
  response: "the answer",
  original_response: "the answer before",
  original_prompt: "the question before",
  system: "the system text",
  tools: "a tool",
  attachments: "an attachment",
  comments: "a comment",
  project_context: "the project",
  actor: "a name",
  corrector: "a name",
  details: "the details",
  tags: "a tag",
};

export class Desk {
  /**
   * @param {Queue | null} queue what is worked through; null where the desk is for one example
   * @param {object} on
   * @param {(example: QueuedExample) => Child} on.place why the example is on the desk
   * @param {() => Child[]} on.buttons the ways to decide on the example, none for who may not
   * @param {() => unknown} on.redact
   * @param {() => HTMLElement} [on.nothing] the words for an empty queue
   * @param {(dossier: Dossier) => unknown} [on.shown] what follows once another example or revision is shown
   */
  constructor(queue, on) {
    this.queue = queue;
    this.on = on;
    this.article = h("article", { class: "stage-card", "aria-label": "Example" });
    this.bar = h("div", { class: "actions", role: "toolbar", "aria-label": "Decide" });
    this.element = h("div", { class: "desk" }, this.article, this.bar);
    /** @type {Dossier | null} null while an example is read, where it cannot be, and where nothing waits */
    this.dossier = null;
    this.isEmpty = false;
    /** Why there is no example on the desk, for whoever presses a key. */
    this.hindrance = "";
    /** @type {{ id: string, dossier: Promise<Dossier> } | null} what probably comes next, read ahead */
    this.next = null;
    /** Counts the readings of an example, so that only the last reading is shown. */
    this.reading = 0;
    /** The newer revision that a notice has announced. */
    this.noticedRevision = -1;
  }

  /** The example on the desk. */
  get example() {
    return this.dossier?.example ?? null;
  }

  /**
   * Show an example; where it cannot be read, say so in its place, with a way to try again.
   *
   * @param {string} id
   */
  async open(id) {
    this.reading += 1;
    const { reading } = this;
    this.dossier = null;
    this.isEmpty = false;
    this.hindrance = "The example is still being read.";
    this.queue?.mark(id);
    const isSlow = setTimeout(() => reading === this.reading && this.showReading(), SLOW_MS);
    try {
      const dossier = await this.dossierOf(id);
      if (reading !== this.reading) return;
      this.dossier = dossier;
      this.noticedRevision = -1;
      this.show();
      this.queue?.mark(dossier.example.example_id);
      this.readAhead();
      this.on.shown?.(dossier);
    } catch (error) {
      if (reading === this.reading) this.showFailure(id, problemOf(error));
    } finally {
      clearTimeout(isSlow);
    }
  }

  /** @param {string} id */
  dossierOf(id) {
    const { next } = this;
    this.next = null;
    return next?.id === id ? next.dossier.catch(() => loadDossier(id)) : loadDossier(id);
  }

  /** Read what probably comes next. What has changed until then is noticed, as for the example on the desk. */
  readAhead() {
    const following = this.queue?.following();
    if (!following || following.example_id === this.next?.id) return;
    const dossier = loadDossier(following.example_id);
    dossier.catch(() => {});
    this.next = { id: following.example_id, dossier };
  }

  /** Open the first example of the queue, or say that there is none. */
  async openFirst() {
    const first = this.queue?.first();
    if (first) await this.open(first.example_id);
    else this.showEmpty();
  }

  /** Show the example with the ways to decide on it. */
  show() {
    if (!this.dossier) return;
    this.article.removeAttribute("aria-busy");
    const { example, spans } = this.dossier;
    put(
      this.article,
      articleParts(this.dossier, this.on.place(example), [approvalNotice(example), this.personalDataNotice(spans)]),
    );
    const buttons = isErased(example) ? [] : this.on.buttons();
    put(this.bar, buttons.length ? buttons : h("p", { class: "quiet" }, idleWords(example)));
    this.article.querySelector("h2")?.focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }

  /** Show a notice if somebody else has changed the example on the desk. */
  async watch() {
    const { example } = this;
    if (!example) return;
    const { revision } = await get(exampleAddress(example.example_id));
    if (this.example !== example || revision === example.revision || revision === this.noticedRevision) return;
    this.noticedRevision = revision;
    const { facts } = await get(`${exampleAddress(example.example_id)}/history`);
    const latest = facts.filter(({ seq }) => seq > example.revision).at(-1);
    const reload = { type: "button", class: "secondary", onclick: () => this.open(example.example_id) };
    const notice = h(
      "div",
      { class: "notice is-warn", role: "status" },
      h("p", {}, h("b", {}, "Changed while you look at it"), `: ${latest?.told ?? "something was said about it"}`),
      h("button", reload, "Show it as it is now"),
    );
    this.article.querySelector(".notice")?.remove();
    this.article.prepend(notice);
  }

  /**
   * Say that somebody else has the example open.
   *
   * @param {string | null} by
   */
  showTaken(by) {
    if (this.article.querySelector(".is-taken")) return;
    const words = h("p", {}, h("b", {}, `${by} has this open`), ", and may be about to decide on it.");
    this.article.prepend(h("div", { class: "notice is-warn is-taken", role: "status" }, words));
  }

  showReading() {
    this.article.setAttribute("aria-busy", "true");
    put(this.article, h("p", { class: "quiet", role: "status" }, "Reading the example …"));
    put(this.bar);
  }

  /**
   * @param {string} id
   * @param {Problem} problem
   */
  showFailure(id, { code, message }) {
    this.article.removeAttribute("aria-busy");
    this.hindrance = `The example could not be read: ${message}`;
    put(this.bar);
    if (code === "unknown_example") return put(this.article, unknownExample(id));
    const retry = h("button", { type: "button", class: "primary", onclick: () => this.open(id) }, "Try again");
    const text = h("p", {}, h("b", {}, "The example could not be read."), ` ${message}`);
    put(this.article, h("div", { class: "notice is-warn", role: "alert" }, text, retry));
    return retry.focus();
  }

  showEmpty() {
    this.article.removeAttribute("aria-busy");
    this.reading += 1;
    this.dossier = null;
    this.isEmpty = true;
    this.hindrance = "Nothing waits here.";
    put(this.article, this.on.nothing?.());
    put(this.bar);
  }

  /** @param {Span[]} spans */
  personalDataNotice(spans) {
    const certain = spans.filter((span) => !span.is_guess);
    const isKeptOut = this.example?.verdict.reasons.includes("personal_data") ?? false;
    const guesses = spans.filter((span) => span.is_guess);
    if (!spans.length) return null;
    const redactButton = { type: "button", class: "secondary", onclick: () => this.on.redact() };
    return h(
      "div",
      { class: "notice is-personal" },
      h(
        "p",
        {},
        certain.length > 0 && [
          h("b", {}, `Personal data: ${kinds(certain)}. `),
          isKeptOut ? "It is not trained on until it is redacted. " : "Nothing of it is trained on. ",
        ],
        guesses.length > 0 && `To look at: ${kinds(guesses)}.`,
      ),
      certain.length > 0 && this.on.buttons().length > 0 && h("button", redactButton, "Redact ", key("P")),
    );
  }
}

/** @param {Example} example */
export function isErased({ verdict }) {
  return verdict.reasons.includes("erased");
}

/**
 * Why there is no way to decide.
 *
 * @param {Example} example
 */
function idleWords(example) {
  return isErased(example) ? "Its text was erased for good." : "Your role looks and changes nothing.";
}

/** @param {string} id */
function unknownExample(id) {
  return h(
    "div",
    { class: "notice" },
    h("h2", {}, "No such example"),
    h("p", {}, `The log holds no example ${id}.`),
    link("/examples", {}, "All examples"),
  );
}

/**
 * Says beforehand where an approval alone changes nothing.
 *
 * @param {QueuedExample} example
 */
function approvalNotice({ after_approval: left }) {
  const words = left.map((name) => REASONS[name] ?? plain(name)).join(", ");
  return left.length > 0 && h("p", { class: "quiet" }, `An approval alone does not bring it in: ${words}.`);
}

/** @param {Span[]} spans */
function kinds(spans) {
  const words = spans.map(({ kind, field }) => `${plain(kind)} in ${placeWords(field)}`);
  return [...new Set(words)].join(", ");
}

/**
 * A place of an example in words.
 *
 * @param {string} field
 */
function placeWords(field) {
  const [part] = field.split(".");
  return PLACES[part] ?? plain(part);
}
