/** The past: `as_of` in the address means that pages show everything as it stood after that sequence. */

import { get, post, remove } from "./api.js";
import { h, link, put, styled } from "./dom.js";
import { pause } from "./pause.js";
import { count, duration, moment, number } from "./words.js";

/** @import { PastState } from "../answers.d.ts" */

const POLL_MS = 400;

/**
 * Wait until the state of that moment is there, and draw how far it is. False where the visitor gave up.
 *
 * @param {HTMLElement} main
 * @param {number} seq
 */
export async function reachPast(main, seq) {
  const words = h("p", { class: "back-words", role: "status" });
  const track = h("div", {
    class: "progress",
    role: "progressbar",
    "aria-label": "The way back",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  });
  const patience = h("p", { class: "quiet" });
  let isLeaving = false;
  const leave = async () => {
    isLeaving = true;
    await leavePast(seq, `/replay?seq=${seq}`);
  };
  const card = h(
    "section",
    { class: "card back", "aria-labelledby": "back-title" },
    h("h1", { id: "back-title" }, `Going back to fact ${number(seq)}`),
    words,
    track,
    patience,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "secondary", onclick: leave }, "Give up")),
  );
  let state = await post("/past", { seq }, { isKeyed: false, isLong: true });
  if (state.phase !== "ready") put(main, card);
  while (!isLeaving) {
    if (state.phase === "ready") return true;
    if (state.phase === "failed") throw new Error(state.error ?? "The state of that moment could not be made.");
    const share = shareOf(state);
    put(words, phaseWords(state));
    styled(track, { "--share": `${share}%` });
    track.setAttribute("aria-valuenow", String(Math.round(share)));
    put(patience, patienceWords(state.seconds));
    await pause(POLL_MS);
    state = await get(`/past/${seq}`);
  }
  return false;
}

/**
 * A banner above everything else that says which moment is shown.
 *
 * @param {number} seq
 */
export async function pastBanner(seq) {
  const { items } = await get("/log", { after: Math.max(0, seq - 1), limit: 1 });
  const at = items[0]?.seq === seq ? `, ${moment(items[0].received_at)}` : "";
  const leave = () => leavePast(seq, "/");
  return h(
    "div",
    { class: "then", role: "status" },
    h(
      "p",
      {},
      h("b", {}, "The past. "),
      `Everything as it stood after fact ${number(seq)}${at}. Nothing can be changed here.`,
    ),
    h(
      "span",
      { class: "then-ways" },
      link(`/replay?seq=${seq}`, { class: "button" }, "Another moment"),
      h("button", { type: "button", class: "primary", onclick: leave }, "Back to now"),
    ),
  );
}

/**
 * Release the state of that moment, which takes memory, and go to another page.
 *
 * @param {number} seq
 * @param {string} href
 */
async function leavePast(seq, href) {
  await remove(`/past/${seq}`).catch(() => {});
  location.assign(href);
}

/** @param {PastState} state */
function phaseWords({ phase, done, total }) {
  const numbers = `${number(done)} of ${count(total, "fact")}`;
  if (phase === "replaying") return `Replaying the log: ${numbers}`;
  return phase === "judging" ? `Judging what was there: ${numbers}` : "Getting ready …";
}

/**
 * How far the way back is, in per cent: replaying is its first half, judging its second.
 *
 * @param {PastState} state
 */
function shareOf({ phase, done, total }) {
  if (!total) return 0;
  return (50 * done) / total + (phase === "judging" ? 50 : 0);
}

/** @param {number} seconds */
function patienceWords(seconds) {
  if (seconds <= 5) return "";
  return `${duration(seconds)} so far. Everybody else works on meanwhile, and you may leave this page open.`;
}
