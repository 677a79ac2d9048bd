/** The past: `as_of` in the address means that pages show everything as it stood after that sequence. */

import { get, post, remove } from "./api.js";
import { h, link, put, styled } from "./dom.js";
import { asOf } from "./moment.js";
import { count, lasting, moment, number } from "./words.js";

const LOOK_AGAIN = 400;

/** Go back to the moment of the address; draws how far that is. True once it is there, false where it was given up. */
export async function goneBack(main) {
  const words = h("p", { class: "back-words", role: "status" });
  const track = h("div", {
    class: "progress",
    role: "progressbar",
    "aria-label": "The way back",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  });
  const eta = h("p", { class: "quiet" });
  let isLeaving = false;
  const leave = async () => {
    isLeaving = true;
    await remove(`/past/${asOf}`).catch(() => {});
    location.assign(`/replay?seq=${asOf}`);
  };
  const card = h(
    "section",
    { class: "card back", "aria-labelledby": "back-title" },
    h("h1", { id: "back-title" }, `Going back to fact ${number(asOf)}`),
    words,
    track,
    eta,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "secondary", onclick: leave }, "Give up")),
  );
  let now = await post("/past", { seq: asOf }, { isKeyed: false });
  if (now.phase === "ready") return true;
  put(main, card);
  while (!isLeaving) {
    if (now.phase === "ready") return true;
    if (now.phase === "failed") throw new Error(now.error);
    put(
      words,
      {
        starting: "Getting ready …",
        replaying: `Replaying the log: ${number(now.done)} of ${count(now.total, "fact")}`,
        judging: `Judging what was there: ${number(now.done)} of ${count(now.total, "fact")}`,
      }[now.phase],
    );
    const share = now.total ? (50 * now.done) / now.total + (now.phase === "judging" ? 50 : 0) : 0;
    styled(track, { "--share": `${share}%` });
    track.setAttribute("aria-valuenow", String(Math.round(share)));
    put(
      eta,
      now.seconds > 5
        ? `${lasting(now.seconds)} so far. Everybody else works on meanwhile, and you may leave this page open.`
        : "",
    );
    await new Promise((resume) => setTimeout(resume, LOOK_AGAIN));
    now = await get(`/past/${asOf}`);
  }
  return false;
}

/** A banner that says which moment is shown, above everything else. */
export async function banner() {
  const { items } = await get("/log", { after: Math.max(0, asOf - 1), limit: 1 });
  const at = items[0]?.seq === asOf ? `, ${moment(items[0].received_at)}` : "";
  const back = async () => {
    await remove(`/past/${asOf}`).catch(() => {});
    location.assign("/");
  };
  return h(
    "div",
    { class: "then", role: "status" },
    h(
      "p",
      {},
      h("b", {}, "The past. "),
      `Everything as it stood after fact ${number(asOf)}${at}. Nothing can be changed here.`,
    ),
    h(
      "span",
      { class: "then-ways" },
      link(`/replay?seq=${asOf}`, { class: "button" }, "Another moment"),
      h("button", { type: "button", class: "primary", onclick: back }, "Back to now"),
    ),
  );
}
