/** A better answer from a language model: shown beside the old one, and entered by nobody but the reviewer. */

import { get, post, problemOf } from "../api.js";
import { h, put } from "../dom.js";
import { difference } from "../texts.js";

/** @import { Example } from "../../answers.d.ts" */

/** @typedef {{ proposed_by?: string }} Proposer the model whose suggestion was taken over, if any */

/**
 * A button that asks the model, where the operator has named one, and what it suggests.
 *
 * @param {Example} example
 * @param {(response: string) => unknown} take called where the reviewer takes a suggestion over
 */
export function suggestion(example, take) {
  /** @type {Proposer} */
  let proposer = {};
  const part = h("div", { class: "suggestion", "aria-live": "polite" });
  offer(part, example, (response, model) => {
    proposer = { proposed_by: model };
    take(response);
  });
  return { part, proposer: () => proposer };
}

/**
 * @param {HTMLElement} part
 * @param {Example} example
 * @param {(response: string, model: string) => unknown} take
 */
async function offer(part, example, take) {
  const { model } = await get("/suggestions").catch(() => ({ model: null }));
  if (model === null) return;
  const ask = async () => {
    put(part, h("p", { class: "quiet" }, `${model} is asked …`));
    try {
      const options = { isKeyed: false, isLong: true };
      const { response } = await post(`/examples/${example.example_id}/suggestion`, {}, options);
      show(part, example, response, model, take, button);
    } catch (error) {
      put(part, h("p", { class: "bad" }, problemOf(error).message), button);
    }
  };
  const button = h("button", { type: "button", class: "secondary", onclick: ask }, "Have an answer suggested");
  put(part, button, h("span", { class: "quiet" }, ` ${model} gets the texts without personal data.`));
}

/**
 * @param {HTMLElement} part
 * @param {Example} example
 * @param {string} response
 * @param {string} model
 * @param {(response: string, model: string) => unknown} take
 * @param {HTMLButtonElement} again
 */
function show(part, example, response, model, take, again) {
  const takeOver = () => {
    take(response, model);
    put(
      part,
      h("p", { class: "quiet" }, `The suggestion of ${model} stands in the answer; change it as you like.`),
      again,
    );
  };
  put(
    part,
    h("h3", {}, `What ${model} suggests`),
    difference(example.response, response),
    h("button", { type: "button", onclick: takeOver }, "Take it over"),
    " ",
    again,
  );
}
