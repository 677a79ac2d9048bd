/** Bulk approval by tag: first what it covers, then everything that is still ticked, each at the revision shown. */

import { exampleAddress } from "../address.js";
import { get, post, problemOf } from "../api.js";
import { openDialog } from "../dialog.js";
import { h, link, put } from "../dom.js";
import { line } from "../texts.js";
import { toast } from "../toast.js";
import { count, number, plain, QUEUE_REASONS } from "../words.js";

/** @import { BulkDecision, Covered, CoveredExample, Facet } from "../../answers.d.ts" */

/** @typedef {{ item: CoveredExample, box: HTMLInputElement }} Choice */

/**
 * Open the dialog.
 *
 * @param {Facet[]} tags
 * @param {string} chosenTag what the queue is filtered by, or nothing
 * @param {() => unknown} done what follows once examples were approved
 */
export function openBulkApproval(tags, chosenTag, done) {
  new BulkApproval(tags, done).open(tags.some(({ name }) => name === chosenTag) ? chosenTag : "");
}

class BulkApproval {
  /**
   * @param {Facet[]} tags
   * @param {() => unknown} done
   */
  constructor(tags, done) {
    this.done = done;
    /** @type {Choice[]} */
    this.choices = [];
    const options = tags.map(({ name, waiting }) => h("option", { value: name }, `${name} (${number(waiting)})`));
    this.tag = h("select", { id: "bulk-tag" }, h("option", { value: "" }, "Choose a tag"), options);
    this.status = h("p", { class: "quiet", role: "status" });
    this.list = h("ul", { class: "covered" });
    this.button = h("button", { type: "button", class: "primary", disabled: true }, "Approve");
    const cancel = { type: "button", class: "secondary", onclick: () => this.close() };
    this.dialog = h(
      "dialog",
      { class: "bulk", "aria-labelledby": "bulk-title" },
      h("h2", { id: "bulk-title" }, "Approve everything with a tag"),
      h("div", { class: "field" }, h("label", { for: "bulk-tag" }, "Tag"), this.tag),
      this.status,
      this.list,
      h("div", { class: "buttons" }, this.button, h("button", cancel, "Cancel")),
    );
    this.tag.addEventListener("change", () => this.preview());
    this.button.addEventListener("click", () => this.approve());
  }

  /** @param {string} tag */
  async open(tag) {
    openDialog(this.dialog);
    this.tag.value = tag;
    await this.preview();
    if (tag) this.button.focus();
  }

  close() {
    this.dialog.close();
  }

  /** Show what the chosen tag covers. */
  async preview() {
    const tag = this.tag.value;
    this.choices = [];
    put(this.list);
    this.countTicked();
    put(this.status, tag ? "Looking …" : "");
    if (!tag) return;
    try {
      const covered = await get("/review/covered", { tag });
      if (tag !== this.tag.value) return;
      this.choices = covered.items.map((item) => ({ item, box: this.tickBox(item) }));
      put(this.list, this.choices.map(choiceItem));
      put(this.status, coveredWords(covered));
    } catch (error) {
      put(this.status, problemOf(error).message);
    }
    this.countTicked();
  }

  async approve() {
    this.button.disabled = true;
    const items = this.ticked().map(({ example_id, revision, context }) => ({ example_id, revision, context }));
    try {
      const decision = await post("/decisions/approve", { items, reason: `approved in bulk: ${this.tag.value}` });
      this.close();
      toast(decisionWords(decision), { isBad: decision.refused.length > 0 });
    } catch (error) {
      put(this.status, problemOf(error).message);
      this.countTicked();
      return;
    }
    await this.done();
  }

  ticked() {
    return this.choices.filter(({ box }) => box.checked).map(({ item }) => item);
  }

  countTicked() {
    const n = this.ticked().length;
    put(this.button, n > 0 ? `Approve ${number(n)}` : "Approve");
    this.button.disabled = n === 0;
  }

  /**
   * A box that is ticked unless the example needs a look.
   *
   * @param {CoveredExample} item
   */
  tickBox(item) {
    const box = h("input", { type: "checkbox", id: `tick-${item.example_id}` });
    box.checked = item.looks.length === 0;
    box.addEventListener("change", () => this.countTicked());
    return box;
  }
}

/** @param {Choice} choice */
function choiceItem({ item, box }) {
  const looks = item.looks.map((look) => h("span", { class: "state is-copper" }, plain(look)));
  const about = looks.length ? looks : QUEUE_REASONS[item.queue ?? ""];
  return h(
    "li",
    {},
    box,
    h(
      "label",
      { for: box.id },
      line(item.prompt, { class: "prompt" }),
      line(item.response, { class: "response" }),
      h("span", { class: "about" }, about),
    ),
    link(exampleAddress(item.example_id), { target: "_blank", rel: "noopener", class: "quiet" }, "Open"),
  );
}

/** @param {Covered} covered */
function coveredWords({ items, total }) {
  const words = [`${count(total, "example waits", "examples wait")} with this tag.`];
  if (total > items.length) {
    words.push(`This preview shows the newest ${number(items.length)}; the rest comes after them.`);
  }
  const unticked = items.filter((item) => item.looks.length).length;
  if (unticked) {
    words.push(`${count(unticked, "is", "are")} not ticked: look at ${unticked === 1 ? "it" : "them"} one by one.`);
  }
  return words.join(" ");
}

/** @param {BulkDecision} decision */
function decisionWords({ approved, refused }) {
  const words = `Approved ${number(approved.length)}.`;
  if (!refused.length) return words;
  const object = refused.length === 1 ? "it" : "them";
  return `${words} ${count(refused.length, "was", "were")} refused, because somebody changed ${object} meanwhile.`;
}
