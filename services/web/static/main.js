/** The frame of every page: who is here, where one can go, whether it is live; then the page itself. */

import { get, remove } from "./api.js";
import { h, link, put, unseen } from "./dom.js";
import { following, listen, onState } from "./live.js";
import { asOf, isKept } from "./moment.js";
import { number } from "./words.js";

const PAGES = [
  { path: "/", title: "Dashboard", module: "./dashboard.js" },
  { path: "/review", title: "Review", module: "./review.js", counts: (stats) => stats.review_queue },
  { path: "/examples", title: "Examples", module: "./examples.js" },
  { path: "/exports", title: "Exports", module: "./exports.js" },
  { path: "/policies", title: "Policy", module: "./policies.js" },
  { path: "/quarantine", title: "Quarantine", module: "./quarantine.js" },
  { path: "/replay", title: "Replay", module: "./replay.js" },
];
const THEMES = ["system", "light", "dark"];

const main = document.getElementById("main");
const header = document.getElementById("header");
const badges = new Map();

async function start() {
  if (location.pathname === "/sign-in") {
    const { draw } = await import("./sign_in.js");
    return draw(main);
  }
  const me = await get("/session");
  const page = location.pathname.startsWith("/examples/")
    ? { title: "Example", module: "./example_page.js" }
    : PAGES.find(({ path }) => path === location.pathname);
  put(header, frame(me, page));
  if (!me.rights.includes("look")) {
    return put(
      main,
      h(
        "div",
        { class: "notice" },
        h("h1", {}, "Nothing to see here"),
        h(
          "p",
          {},
          `${me.name} is ${me.role}: this role says facts and looks at nothing. Sign in with the token of a reviewer, an operator or an auditor.`,
        ),
      ),
    );
  }
  if (asOf !== null && isKept(location.pathname)) {
    const { banner, goneBack } = await import("./past.js");
    header.after(await banner());
    if (!(await goneBack(main))) return;
  } else {
    listen();
    following(badge)();
  }
  const { draw } = await import(page.module);
  document.title = `${page.title} · rooflog`;
  await draw(main, me);
}

function frame(me, current) {
  const isPast = asOf !== null;
  const menu = h(
    "nav",
    { id: "menu", "aria-label": "Pages" },
    PAGES.filter(({ path }) => !isPast || isKept(path) || path === "/replay").map((page) => {
      const badge = h("span", { class: "badge", hidden: true });
      if (page.counts || page.path === "/quarantine") badges.set(page, badge);
      return link(page.path, { "aria-current": page === current ? "page" : null }, page.title, " ", badge);
    }),
  );
  const toggle = h(
    "button",
    { type: "button", class: "menu-toggle", "aria-expanded": "false", "aria-controls": "menu" },
    "Menu",
  );
  toggle.addEventListener("click", () => {
    const isOpen = header.classList.toggle("is-open");
    toggle.setAttribute("aria-expanded", String(isOpen));
  });
  return [
    link("/", { class: "mark" }, h("span", { class: "roof", "aria-hidden": "true" }), "rooflog"),
    toggle,
    menu,
    h("div", { class: "me" }, isPast ? null : liveness(), theme(), person(me)),
  ];
}

function liveness() {
  const words = { live: "Live", connecting: "Connecting", away: "Not live" };
  const told = h("span", { class: "liveness-words" });
  const element = h(
    "span",
    { class: "liveness", role: "status" },
    h("span", { class: "dot", "aria-hidden": "true" }),
    told,
  );
  onState((state) => {
    element.dataset.state = state;
    put(told, words[state]);
  });
  return element;
}

function theme() {
  const chosen = () => localStorage.getItem("theme") ?? "system";
  const label = h("span", { class: "unseen" });
  const button = h(
    "button",
    { type: "button", class: "theme" },
    h("span", { class: "theme-icon", "aria-hidden": "true" }),
    label,
  );
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

function person(me) {
  const name = h("span", { class: "person" }, me.name, h("span", { class: "role" }, unseen(", "), me.role));
  if (me.is_open) return name;
  const leave = async () => {
    await remove("/session");
    location.assign("/sign-in");
  };
  return [name, h("button", { type: "button", class: "quiet-button", onclick: leave }, "Sign out")];
}

async function badge() {
  const [stats, status] = await Promise.all([get("/stats"), get("/status")]).catch(() => []);
  if (!stats) return;
  const quarantined = Object.values(status.quarantined ?? {}).reduce((sum, n) => sum + n, 0);
  for (const [page, element] of badges) {
    const n = page.counts ? page.counts(stats) : quarantined;
    element.hidden = n === 0;
    element.classList.toggle("is-bad", !page.counts);
    put(element, number(n));
  }
}

start().catch((problem) => {
  if (problem.status === 401) return;
  put(
    main,
    h(
      "div",
      { class: "notice", role: "alert" },
      h("h1", {}, "This page could not be shown"),
      h("p", {}, problem.message),
      h("button", { type: "button", onclick: () => location.reload() }, "Try again"),
    ),
  );
});
