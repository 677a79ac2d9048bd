/** Every page begins here: who is there, the frame, then the module that draws the page. */

import { get, keepSession, Problem, problemOf } from "./api.js";
import { h, link, put } from "./dom.js";
import { drawFrame } from "./frame.js";
import { connect, keepFresh } from "./live.js";
import { asOf, canShowPast } from "./moment.js";
import { toast } from "./toast.js";
import { learn, number } from "./words.js";

/** @import { Session } from "../answers.d.ts" */

/** @typedef {{ draw: (main: HTMLElement, me: Session) => void | Promise<void> }} PageModule */
/** @typedef {{ path: string, title: string, load: () => Promise<PageModule>, badge?: HTMLElement }} Page */

/** What takes longer to be drawn is said to be read. */
const SLOW_MS = 300;

const queueBadge = h("span", { class: "badge", hidden: true });
const quarantineBadge = h("span", { class: "badge is-bad", hidden: true });

/** @type {Page[]} */
const PAGES = [
  { path: "/", title: "Dashboard", load: () => import("./dashboard.js") },
  { path: "/review", title: "Review", load: () => import("./review.js"), badge: queueBadge },
  { path: "/examples", title: "Examples", load: () => import("./examples.js") },
  { path: "/exports", title: "Exports", load: () => import("./exports.js") },
  { path: "/policies", title: "Policy", load: () => import("./policies.js") },
  { path: "/quarantine", title: "Quarantine", load: () => import("./quarantine.js"), badge: quarantineBadge },
  { path: "/notes", title: "Notes", load: () => import("./notes.js") },
  { path: "/imports", title: "Import", load: () => import("./imports.js") },
  { path: "/proofs", title: "Proofs", load: () => import("./proofs.js") },
  { path: "/people", title: "People", load: () => import("./people.js") },
  { path: "/replay", title: "Replay", load: () => import("./replay.js") },
];

/** @type {Omit<Page, "path">} */
const EXAMPLE_PAGE = { title: "Example", load: () => import("./example_page.js") };

const main = elementOf("main");
const header = elementOf("header");

async function start() {
  if (location.pathname === "/sign-in") {
    const { draw } = await import("./sign_in.js");
    return draw(main);
  }
  const page = currentPage();
  if (!page) return drawUnknownPage();
  const pageModule = page.load(); // while the first requests are under way, not after them
  const [me, reasons] = await Promise.all([get("/session"), get("/reasons")]);
  learn(reasons);
  keepSession(onceAtATime(() => import("./sign_in.js").then(({ signInAgain }) => signInAgain(me))));
  drawFrame(header, me, me.rights.includes("look") ? PAGES : [], location.pathname);
  if (!me.rights.includes("look")) return drawNothing(me);
  if (asOf !== null && canShowPast(location.pathname)) {
    const { pastBanner, reachPast } = await import("./past.js");
    header.after(await pastBanner(asOf));
    if (!(await reachPast(main, asOf))) return;
  } else {
    connect();
    keepFresh(refreshBadges)();
  }
  const { draw } = await pageModule;
  sayReading();
  document.title = `${page.title} · rooflog`;
  await draw(main, me);
}

/** The page at this address, or nothing. */
function currentPage() {
  const { pathname } = location;
  return pathname.startsWith("/examples/") ? EXAMPLE_PAGE : PAGES.find(({ path }) => path === pathname);
}

/**
 * A work that everybody who asks for it meanwhile shares.
 *
 * @template T
 * @param {() => Promise<T>} work
 */
function onceAtATime(work) {
  /** @type {Promise<T> | null} */
  let running = null;
  return () => {
    running ??= work().finally(() => {
      running = null;
    });
    return running;
  };
}

function drawUnknownPage() {
  const text = h("p", {}, `There is no page ${location.pathname}.`);
  put(main, h("div", { class: "notice" }, h("h1", {}, "No such page"), text, link("/", {}, "To the dashboard")));
}

/** @param {Session} me */
function drawNothing(me) {
  const reason = `${me.name} is ${me.role}: this role says facts and looks at nothing.`;
  const wayOut = "Sign in with the token of a reviewer, an operator or an auditor.";
  put(main, h("div", { class: "notice" }, h("h1", {}, "Nothing to see here"), h("p", {}, `${reason} ${wayOut}`)));
}

/** A page that takes long to be drawn says so. */
function sayReading() {
  const reading = h("p", { class: "quiet reading", role: "status" }, "Reading …");
  setTimeout(() => main.querySelector(":scope > :not(noscript)") || main.append(reading), SLOW_MS);
}

async function refreshBadges() {
  const [stats, status] = await Promise.all([get("/stats"), get("/status")]).catch(() => []);
  if (!stats) return;
  const quarantined = Object.values(status.quarantined ?? {}).reduce((sum, n) => sum + n, 0);
  showBadge(queueBadge, stats.review_queue);
  showBadge(quarantineBadge, quarantined);
}

/**
 * @param {HTMLElement} badge
 * @param {number} n
 */
function showBadge(badge, n) {
  badge.hidden = n === 0;
  put(badge, number(n));
}

/** @param {string} id */
function elementOf(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`page.html has no #${id}`);
  return element;
}

// A request behind a click or a key may be refused: the visitor learns of it, whichever handler forgot to say so. An
// error in a script is left to the console.
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  toast(event.reason.message, { isBad: true });
});

start().catch((error) => {
  const problem = problemOf(error);
  if (problem.status === 401) return;
  const retry = h("button", { type: "button", onclick: () => location.reload() }, "Try again");
  const title = h("h1", {}, "This page could not be shown");
  put(main, h("div", { class: "notice", role: "alert" }, title, h("p", {}, problem.message), retry));
});
