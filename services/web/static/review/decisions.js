/** Decisions: each holds for the revision that the reviewer saw, is sent alone, and can be undone. */

import { exampleAddress } from "../address.js";
import { get, post, problemOf } from "../api.js";
import { describedBody, openDescription } from "../description.js";
import { h, put } from "../dom.js";
import { originalParts } from "../example.js";
import { textsOf } from "../places.js";
import { selectedWords } from "../selection.js";
import { toast } from "../toast.js";
import { plain, REASONS } from "../words.js";
import { isErased } from "./desk.js";
import { editForm } from "./edit.js";
import { noteForm } from "./note.js";
import { redactionForm } from "./redaction.js";
import { openRefusal } from "./refusal.js";
import { rejectionForm } from "./rejection.js";

/** @import { Decision, DecisionPath, Example } from "../../answers.d.ts" */
/** @import { Desk } from "./desk.js" */

/**
 * An example at the revision that a decision holds for.
 *
 * @typedef {{ example_id: string, revision: number }} SeenExample
 */
/**
 * The way back from what was done.
 *
 * @typedef {() => Promise<unknown>} Undo
 */

const DONE = {
  approve: "Approved",
  reject: "Rejected",
  edit: "Edited and approved",
  redact: "Redacted",
  reopen: "Taken back",
  describe: "Described",
};

export class Decisions {
  /**
   * @param {Desk} desk
   * @param {boolean} mayDecide
   */
  constructor(desk, mayDecide) {
    this.desk = desk;
    this.queue = desk.queue;
    this.mayDecide = mayDecide;
    this.isSending = false;
    /** @type {Promise<boolean>} */
    this.sent = Promise.resolve(false);
    /** @type {Undo[]} */
    this.undos = [];
  }

  get canUndo() {
    return this.undos.length > 0;
  }

  /**
   * What was just done can be undone; the last one first.
   *
   * @param {Undo} undo
   */
  remember(undo) {
    this.undos.push(undo);
  }

  /** The example on the desk; where the visitor cannot decide on it now, they are told why. */
  decidable() {
    if (!this.mayDecide) toast("Your role looks and changes nothing.");
    else if (this.isSending) toast("Your decision before this one is still being sent.");
    else if (this.desk.example && isErased(this.desk.example)) toast("Its text was erased for good.");
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

  /** Say something to the others; it decides nothing. */
  startNote() {
    const example = this.decidable();
    if (!example) return;
    const { form, focus } = noteForm({
      say: async (note) => {
        await post(`${exampleAddress(example.example_id)}/notes`, { note });
        await this.desk.open(example.example_id);
        toast("Noted.");
      },
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
    const { dossier } = this.desk;
    put(this.desk.article, h("div", { class: "editing" }, h("div", {}, parts), dossier && originalParts(dossier)));
    put(this.desk.bar, buttons);
    focus();
  }

  /** Take back the decision that holds, whoever made it. */
  reopen() {
    const example = this.decidable();
    if (!example) return;
    if (!example.decision) {
      toast("Nobody has decided on it: there is nothing to take back.");
      return;
    }
    this.decide("reopen", () => ({}));
  }

  /** Change tags, project or exclusion. */
  startDescription() {
    const example = this.decidable();
    if (!example) return;
    openDescription(example, (body) =>
      this.send("describe", example, body, async ({ example_id: id, seq }) => {
        this.remember(() => this.undoDescription(id, seq, example));
        await this.desk.open(id);
        this.announce("describe");
      }),
    );
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
        this.remember(() => this.sendUndo("redact", id, seq, { texts: textsBefore }));
      }
      await this.desk.open(id);
      this.announce("redact");
    });
  }

  /** Leave the example where it is, and go on. */
  async skip() {
    const { queue } = this;
    const id = this.desk.example?.example_id;
    if (!id || !queue) return;
    queue.skipped.add(id);
    this.remember(() => {
      queue.skipped.delete(id);
      return this.desk.open(id);
    });
    await this.step(1);
  }

  /** @param {number} places */
  async step(places) {
    const neighbour = await this.queue?.neighbour(places);
    if (neighbour && neighbour.example_id !== this.queue?.currentId) await this.desk.open(neighbour.example_id);
  }

  async undo() {
    await this.sent; // a hasty hand takes back what is just being sent
    await this.undos.pop()?.();
  }

  /**
   * Decide on the example on the desk, and go on. Returns false if the decision was not recorded.
   *
   * @param {"approve" | "reject" | "edit" | "reopen"} kind
   * @param {(example: Example) => object} body
   */
  async decide(kind, body) {
    const example = this.decidable();
    if (!example) return false;
    return this.send(kind, example, body(example), async ({ example_id: id, correction_id: correctionId, seq }) => {
      this.remember(() => this.undoDecision(kind, correctionId ?? id, seq, example));
      if (this.queue) this.queue.decided += 1;
      await this.goOn(id);
      this.announce(kind, kind === "approve" ? example.after_approval : []);
    });
  }

  /**
   * A decision is taken back; a taken back decision is made again.
   *
   * @param {"approve" | "reject" | "edit" | "reopen"} kind
   * @param {string} id
   * @param {number} revision
   * @param {Example} before
   */
  undoDecision(kind, id, revision, { decision, decision_reason: reason, context }) {
    if (kind !== "reopen") {
      const why = { reason: `undone: ${DONE[kind].toLowerCase()} by mistake` };
      const words = kind === "edit" ? "Undone: your answer waits for review again." : "Undone.";
      return this.sendUndo("reopen", id, revision, why, words);
    }
    if (decision === "rejected") return this.sendUndo("reject", id, revision, { reason });
    return this.sendUndo("approve", id, revision, { context, reason });
  }

  /**
   * @param {string} id
   * @param {number} revision
   * @param {Example} before
   */
  async undoDescription(id, revision, before) {
    const wanted = { tags: before.tags, project: before.project_context, isIncluded: before.include_in_training };
    await this.sendUndo("describe", id, revision, describedBody(await get(exampleAddress(id)), wanted));
  }

  /**
   * @param {DecisionPath} path
   * @param {string} id
   * @param {number} revision
   * @param {object} body
   * @param {string} words
   */
  async sendUndo(path, id, revision, body, words = "Undone.") {
    await this.send(path, { example_id: id, revision }, body, async () => {
      if (this.queue && path !== "redact" && path !== "describe") this.queue.decided -= 1;
      toast(words);
      await this.queue?.load();
      await this.desk.open(this.queue ? id : (this.desk.example?.example_id ?? id));
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
   * @param {DecisionPath} kind
   * @param {string[]} left the reasons that keep the example out all the same
   */
  announce(kind, left = []) {
    const words = left.map((name) => REASONS[name] ?? plain(name)).join(", ");
    toast(left.length ? `${DONE[kind]}, and still kept out: ${words}` : DONE[kind], {
      action: { label: "Undo", keyName: "U", run: () => this.undo() },
    });
  }

  /**
   * Open what comes after an example that was decided; without a queue that is the example as it is now.
   *
   * @param {string} id
   */
  async goOn(id) {
    if (!this.queue) return this.desk.open(id);
    const next = this.queue.takeOut(id);
    if (next) {
      this.queue.mark(next.example_id);
      await Promise.all([this.desk.open(next.example_id), this.queue.load()]);
      return;
    }
    await this.queue.load();
    await this.desk.openFirst();
  }
}
