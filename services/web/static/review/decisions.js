/** Decisions: each holds for the revision that the reviewer saw, is sent alone, and can be undone. */

import { exampleAddress } from "../address.js";
import { post, problemOf } from "../api.js";
import { put } from "../dom.js";
import { textsOf } from "../places.js";
import { selectedWords } from "../selection.js";
import { toast } from "../toast.js";
import { count, number, plain, REASONS } from "../words.js";
import { editForm } from "./edit.js";
import { redactionForm } from "./redaction.js";
import { openRefusal } from "./refusal.js";
import { rejectionForm } from "./rejection.js";

/** @import { Decision, DecisionPath, Example } from "../../answers.d.ts" */
/** @import { Desk } from "./desk.js" */
/** @import { Queue } from "./queue.js" */

/** @typedef {"approve" | "reject" | "edit" | "redact"} DecisionKind */
/**
 * An example at the revision that a decision holds for.
 *
 * @typedef {{ example_id: string, revision: number }} SeenExample
 */
/**
 * What can be undone.
 *
 * @typedef {object} Step
 * @property {DecisionKind | "skip" | "bulk"} kind
 * @property {string} id
 * @property {number} revision
 * @property {Record<string, string>} [textsBefore] the texts that a redaction replaced
 * @property {SeenExample[]} [items] what was approved in bulk
 */

/** Examples whose decisions one request takes back. */
const AT_ONCE = 500;

const DONE = {
  approve: "Approved",
  reject: "Rejected",
  edit: "Edited and approved",
  redact: "Redacted",
  skip: "Skipped",
};

export class Decisions {
  /**
   * @param {Queue} queue
   * @param {Desk} desk
   * @param {boolean} mayDecide
   */
  constructor(queue, desk, mayDecide) {
    this.queue = queue;
    this.desk = desk;
    this.mayDecide = mayDecide;
    this.isSending = false;
    /** @type {Promise<boolean>} */
    this.sent = Promise.resolve(false);
    /** @type {Step[]} */
    this.steps = [];
  }

  get canUndo() {
    return this.steps.length > 0;
  }

  /** The example on the desk; where the visitor cannot decide on it now, they are told why. */
  decidable() {
    if (!this.mayDecide) toast("Your role looks and changes nothing.");
    else if (this.isSending) toast("Your decision before this one is still being sent.");
    else if (this.desk.example) return this.desk.example;
    else toast(this.desk.hindrance);
    return null;
  }

  approve() {
    return this.decide("approve", (example) => ({ context: example.context }));
  }

  startRejection() {
    if (!this.decidable()) return;
    const { form, focus } = rejectionForm({
      reject: (reason) => this.decide("reject", () => ({ reason })),
      cancel: () => this.desk.show(),
    });
    put(this.desk.bar, form);
    focus();
  }

  startEdit() {
    const example = this.decidable();
    if (!example) return;
    const { parts, buttons, focus } = editForm(example, {
      save: (texts, reason) => this.decide("edit", () => ({ ...texts, reason })),
      cancel: () => this.desk.show(),
    });
    put(this.desk.article, parts);
    put(this.desk.bar, buttons);
    focus();
  }

  /** Replace the personal data that the rules are certain of. */
  async redact() {
    const example = this.decidable();
    if (!example) return;
    if (!this.desk.dossier?.spans.some((span) => !span.is_guess)) {
      toast("The rules find no personal data in it. A guess is yours to judge: select its words, and press W.");
      return;
    }
    const certain = this.desk.dossier.spans.filter((span) => !span.is_guess).map(({ field }) => field);
    await this.sendRedaction(example, {}, certain);
  }

  /** Replace the words that are selected, or that the reviewer writes. */
  startRedaction() {
    const example = this.decidable();
    if (!example) return;
    const { parts, buttons, focus } = redactionForm(example, selectedWords(getSelection()), {
      redact: (spans) =>
        this.sendRedaction(
          example,
          { spans },
          spans.map(({ field }) => field),
        ),
      cancel: () => this.desk.show(),
    });
    put(this.desk.article, parts);
    put(this.desk.bar, buttons);
    focus();
  }

  /**
   * Say a redaction of some fields. It can be undone unless a name inside of the details changes: others may move.
   *
   * @param {Example} example
   * @param {object} body
   * @param {string[]} fields
   */
  async sendRedaction(example, body, fields) {
    const { example_id: id } = example;
    const before = textsOf(example).filter(({ place }) => fields.includes(place));
    const textsBefore = Object.fromEntries(before.map(({ place, text }) => [place, text]));
    await this.send("redact", example, body, async ({ seq }) => {
      if (!fields.some((field) => field.endsWith(".key"))) {
        this.steps.push({ kind: "redact", id, revision: seq, textsBefore });
      }
      await this.desk.open(id);
      this.announce("redact");
    });
  }

  /** Leave the example where it is, and go on. */
  async skip() {
    const { example } = this.desk;
    if (!example) return;
    this.queue.skipped.add(example.example_id);
    this.steps.push({ kind: "skip", id: example.example_id, revision: example.revision });
    await this.step(1);
  }

  /** @param {number} places */
  async step(places) {
    const neighbour = await this.queue.neighbour(places);
    if (neighbour && neighbour.example_id !== this.queue.currentId) await this.desk.open(neighbour.example_id);
  }

  async undo() {
    await this.sent; // a hasty hand takes back what is just being sent
    const step = this.steps.pop();
    if (!step) return;
    this.queue.skipped.delete(step.id);
    if (step.kind === "skip") await this.desk.open(step.id);
    else if (step.kind === "bulk") await this.undoMany(step.items ?? []);
    else if (step.kind === "redact") await this.sendUndo(step, "redact", { texts: step.textsBefore ?? {} });
    else await this.sendUndo(step, "reopen", { reason: `undone: ${DONE[step.kind].toLowerCase()} by mistake` });
  }

  /**
   * What was approved in bulk can be undone as one.
   *
   * @param {Decision[]} approved
   */
  rememberMany(approved) {
    const items = approved.map(({ example_id, seq }) => ({ example_id, revision: seq }));
    this.steps.push({ kind: "bulk", id: "", revision: 0, items });
  }

  /** @param {SeenExample[]} items */
  async undoMany(items) {
    let undone = 0;
    let refused = 0;
    const left = [...items];
    try {
      while (left.length) {
        const portion = left.slice(0, AT_ONCE);
        const answer = await post("/decisions/reopen", {
          items: portion,
          reason: "undone: approved in bulk by mistake",
        });
        left.splice(0, portion.length);
        undone += answer.reopened.length;
        refused += answer.refused.length;
        toast(`Undone: ${number(undone)} of ${number(items.length)} …`);
      }
      const words = refused
        ? `; ${count(refused, "was", "were")} not, because somebody said more about it meanwhile`
        : "";
      toast(`Undone: ${number(undone)}${words}.`, { isBad: refused > 0 });
    } catch (error) {
      this.steps.push({ kind: "bulk", id: "", revision: 0, items: left });
      toast(`Undone: ${number(undone)}, then it stopped: ${problemOf(error).message}`, { isBad: true });
    }
    await this.queue.load();
    await this.desk.openFirst();
  }

  /**
   * Decide on the example on the desk, and open the next one. Returns false if the decision was not recorded.
   *
   * @param {DecisionKind} kind
   * @param {(example: Example) => object} body
   */
  async decide(kind, body) {
    const example = this.decidable();
    if (!example) return false;
    return this.send(kind, example, body(example), async ({ example_id: id, correction_id: correctionId, seq }) => {
      this.steps.push({ kind, id: correctionId ?? id, revision: seq });
      this.queue.decided += 1;
      await this.openNext(id);
      this.announce(kind, kind === "approve" ? example.after_approval : []);
    });
  }

  /**
   * @param {Step} step
   * @param {DecisionPath} path
   * @param {object} body
   */
  async sendUndo(step, path, body) {
    await this.send(path, { example_id: step.id, revision: step.revision }, body, async () => {
      if (step.kind !== "redact") this.queue.decided -= 1;
      toast(step.kind === "edit" ? "Undone: your answer waits for review again." : "Undone.");
      await this.queue.load();
      await this.desk.open(step.id);
    });
  }

  /**
   * Send a decision and do what follows from it; until it is recorded, no other decision is sent.
   *
   * @param {DecisionPath} path
   * @param {SeenExample} example
   * @param {object} body
   * @param {(decision: Decision) => Promise<void>} then
   */
  send(path, example, body, then) {
    if (!this.isSending) this.sent = this.sendNow(path, example, body, then);
    return this.sent;
  }

  /**
   * @param {DecisionPath} path
   * @param {SeenExample} example
   * @param {object} body
   * @param {(decision: Decision) => Promise<void>} then
   */
  async sendNow(path, { example_id: id, revision }, body, then) {
    const { bar } = this.desk;
    this.isSending = true;
    bar.setAttribute("aria-busy", "true");
    let decision;
    try {
      decision = await post(`${exampleAddress(id)}/${path}`, { revision, ...body });
    } catch (error) {
      this.explain(path, id, error);
      return false;
    } finally {
      this.isSending = false;
      bar.removeAttribute("aria-busy");
    }
    try {
      await then(decision);
    } catch (error) {
      toast(`It is recorded, but the page could not go on: ${problemOf(error).message}`, { isBad: true });
    }
    return true;
  }

  /**
   * Explain why a decision was not recorded.
   *
   * @param {DecisionPath} path
   * @param {string} id
   * @param {unknown} error
   */
  explain(path, id, error) {
    const { code, message, details } = problemOf(error);
    if (code !== "stale_revision") {
      toast(message, { isBad: true });
      return;
    }
    const action = path === "reopen" ? "undone" : DONE[path].toLowerCase();
    openRefusal(action, details, () => this.desk.open(id));
  }

  /**
   * @param {DecisionKind} kind
   * @param {string[]} left the reasons that keep the example out all the same
   */
  announce(kind, left = []) {
    const words = left.map((name) => REASONS[name] ?? plain(name)).join(", ");
    toast(left.length ? `${DONE[kind]}, and still kept out: ${words}` : DONE[kind], {
      action: { label: "Undo", keyName: "U", run: () => this.undo() },
    });
  }

  /**
   * Open what comes after an example that was decided.
   *
   * @param {string} id
   */
  async openNext(id) {
    const next = this.queue.takeOut(id);
    if (next) await this.desk.open(next.example_id);
    await this.queue.load();
    if (!next) await this.desk.openFirst();
  }
}
