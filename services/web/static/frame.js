/** The frame of every page: where one can go, whether the page is live, its colours, who is here. */

import { remove } from "./api.js";
import { h, link, put, unseen } from "./dom.js";
import { onConnection } from "./live.js";
import { asOf, canShowPast } from "./moment.js";

/** @import { Session } from "../answers.d.ts" */

/**
 * An entry of the menu; its badge shows how much waits there.
 *
 * @typedef {{ path: string, title: string, badge?: HTMLElement }} MenuEntry
 */

const THEMES = ["system", "light", "dark"];
const CONNECTION_WORDS = { live: "Live", connecting: "Connecting", away: "Not live" };

/**
 * Fill the header of the page.
 *
 * @param {HTMLElement} header
 * @param {Session} me
 * @param {MenuEntry[]} entries
 * @param {string} currentPath
 */
export function drawFrame(header, me, entries, currentPath) {
  const toggle = h(
    "button",
    { type: "button", class: "menu-toggle", "aria-expanded": "false", "aria-controls": "menu" },
    "Menu",
  );
  toggle.addEventListener("click", () => {
    const isOpen = header.classList.toggle("is-open");
    toggle.setAttribute("aria-expanded", String(isOpen));
  });
  put(
    header,
    link("/", { class: "mark" }, h("span", { class: "roof", "aria-hidden": "true" }), "rooflog"),
    entries.length > 0 && [toggle, menu(entries, currentPath)],
    h("div", { class: "me" }, asOf === null ? connectionState() : null, themeButton(), person(me)),
  );
}

/**
 * @param {MenuEntry[]} entries
 * @param {string} currentPath
 */
function menu(entries, currentPath) {
  const offered = entries.filter(({ path }) => asOf === null || canShowPast(path) || path === "/replay");
  const links = offered.map(({ path, title, badge }) =>
    link(path, { "aria-current": path === currentPath ? "page" : null }, title, " ", badge),
  );
  return h("nav", { id: "menu", "aria-label": "Pages" }, links);
}

function connectionState() {
  const words = h("span", { class: "liveness-words" });
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  const element = h("span", { class: "liveness", role: "status" }, dot, words);
  onConnection((connection) => {
    element.dataset.state = connection;
    put(words, CONNECTION_WORDS[connection]);
  });
  return element;
}

function themeButton() {
  const chosen = () => localStorage.getItem("theme") ?? "system";
  const icon = h("span", { class: "theme-icon", "aria-hidden": "true" });
  const label = h("span", { class: "unseen" });
  const button = h("button", { type: "button", class: "theme" }, icon, label);
  const show = () => {
    button.dataset.theme = chosen();
    button.title = `Colours: ${chosen()}`;
    put(label, `Colours: ${chosen()}. Change`);
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
    localStorage.setItem("theme", next);
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    show();
  });
  show();
  return button;
}

/** @param {Session} me */
function person(me) {
  const name = h("span", { class: "person" }, me.name, h("span", { class: "role" }, unseen(", "), me.role));
  if (me.is_open) return name;
  const leave = async () => {
    const { forgetSignIn } = await import("./sign_in.js");
    await remove("/session");
    forgetSignIn();
    location.assign("/sign-in");
  };
  return [name, h("button", { type: "button", class: "quiet-button", onclick: leave }, "Sign out")];
}
