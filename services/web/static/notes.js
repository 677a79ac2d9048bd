/** Notes: what reviewers said to one another about examples, to the visitor or to anybody. */

import { address, exampleAddress } from "./address.js";
import { get } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { ago, moment } from "./words.js";

/** @import { Note, Notes, Session } from "../answers.d.ts" */

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const isToMe = new URLSearchParams(location.search).get("of") !== "everybody";
  const list = h("ol", { class: "history" });
  const more = h("div", { class: "page-more" });
  const show = (/** @type {Notes} */ { items, before }) => {
    list.append(...items.map(noteItem));
    const showMore = async () => show(await get("/notes", { to_me: String(isToMe), before }));
    put(more, before !== null && h("button", { type: "button", onclick: showMore }, "Show more"));
  };
  const first = await get("/notes", { to_me: String(isToMe) });
  show(first);
  const nothing = isToMe ? `Nobody has named you, as @${me.name}` : "Nobody has said anything yet";
  const other = isToMe
    ? link(address("/notes", { of: "everybody" }), {}, "Those of everybody")
    : link(address("/notes", {}), {}, "Only those that name me");
  put(
    main,
    h("div", { class: "page-title" }, h("h1", {}, "Notes"), h("p", { class: "quiet" }, other)),
    h(
      "section",
      { class: "card", "aria-label": "Notes" },
      first.items.length ? h("div", { class: "body" }, list, more) : emptyState(nothing),
    ),
  );
}

/** @param {Note} note */
function noteItem({ seq, example_id: id, occurred_at: at, actor, note, prompt }) {
  const about = link(exampleAddress(id), {}, prompt ?? "an example that has not come yet");
  const when = h("time", { datetime: at, title: moment(at) }, ago(at));
  return h("li", {}, h("b", {}, actor), " on ", about, h("p", { dir: "auto" }, note), when, ` · #${seq}`);
}
