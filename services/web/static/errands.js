/** Long work: how far it is, and what came of it. */

import { get } from "./api.js";
import { h, put, styled } from "./dom.js";
import { pause } from "./pause.js";
import { ago, moment, number } from "./words.js";

/** @import { Errand } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */

const POLL_MS = 400;

/**
 * Show how far an errand is until it is over; its result. Throws with the words of a failure.
 *
 * @param {Errand} errand
 * @param {HTMLElement} place
 * @param {string} what what it does, for people
 * @returns {Promise<Errand["result"]>}
 */
export async function watched(errand, place, what) {
  for (let now = errand; ; now = await get(`/errands/${errand.id}`)) {
    if (now.phase === "done") return now.result;
    if (now.phase === "failed") throw new Error(now.error ?? "It has failed.");
    put(place, progress(now, what));
    await pause(POLL_MS);
  }
}

/**
 * @param {Errand} errand
 * @param {string} what
 */
function progress({ phase, done, total }, what) {
  const far = total ? `${number(done)} of ${number(total)}` : phase === "waiting" ? "waits for other work" : "";
  const bar = styled(h("div", { class: "progress", role: "progressbar", "aria-label": what }), {
    "--share": `${total ? (100 * done) / total : 0}%`,
  });
  if (total) bar.setAttribute("aria-valuenow", String(Math.round((100 * done) / total)));
  return h("div", { class: "notice", role: "status" }, h("p", {}, `${what} … `, far), bar);
}

/**
 * What was done before, the newest first.
 *
 * @param {Errand[]} errands
 * @param {(errand: Errand) => Child} words
 */
export function pastErrands(errands, words) {
  const rows = errands.map((errand) =>
    h(
      "li",
      { class: "past-errand" },
      h("p", {}, words(errand)),
      h(
        "p",
        { class: "quiet small" },
        `by ${errand.by}, `,
        h("time", { datetime: errand.began_at, title: moment(errand.began_at) }, ago(errand.began_at)),
      ),
    ),
  );
  return h("ul", { class: "rows" }, rows);
}
