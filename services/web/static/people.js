/** People: who may come in, with which role; a token is made, shown once, and removed. */

import { get, post, problemOf, remove } from "./api.js";
import { h, put } from "./dom.js";
import { ago, moment } from "./words.js";

/** @import { Person, Session } from "../answers.d.ts" */

const ROLES = {
  reviewer: "looks and decides",
  operator: "everything, and lets others in",
  auditor: "looks only",
  publisher: "a program that says facts",
};

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const promise = "Everybody has a token of their own: its name is on every fact that they say.";
  const title = h("div", { class: "page-title" }, h("h1", {}, "People"), h("p", { class: "quiet" }, promise));
  if (!me.rights.includes("operate")) {
    put(main, title, h("p", { class: "notice" }, "Only an operator sees who may come in."));
    return;
  }
  if (me.is_open) {
    const command = h("code", {}, "rooflog token add NAME --role operator");
    const notice = h("p", { class: "notice" }, "Nobody has a token yet. Make the first on the machine: ", command);
    put(main, title, notice);
    return;
  }
  const place = h("div", { "aria-live": "polite" });
  const list = h("ul", { class: "rows" });
  const refresh = async () => {
    const { items } = await get("/tokens");
    put(
      list,
      items.map((person) => personItem(person, place, refresh)),
    );
  };
  const card = h("section", { class: "card people", "aria-label": "Who may come in" }, list);
  put(main, title, newToken(place, refresh), place, card);
  await refresh();
}

/**
 * @param {HTMLElement} place where a new token is shown
 * @param {() => Promise<void>} refresh
 */
function newToken(place, refresh) {
  const name = h("input", {
    id: "token-name",
    required: true,
    maxlength: 64,
    autocomplete: "off",
    spellcheck: "false",
  });
  const options = Object.entries(ROLES).map(([value, does]) => h("option", { value }, `${value}: ${does}`));
  const role = h("select", { id: "token-role" }, options);
  const own = h("input", { id: "own-token", type: "password", required: true, autocomplete: "off" });
  const form = h(
    "form",
    { class: "card people-form", "aria-label": "Let somebody in" },
    h("label", { for: "token-name" }, "Name"),
    name,
    h("label", { for: "token-role" }, "Role"),
    role,
    h("label", { for: "own-token" }, "Your own token, once more"),
    own,
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Make a token")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const body = { name: name.value.trim(), role: role.value, own_token: own.value };
      const made = await post("/tokens", body, { isKeyed: false, isOnce: true });
      form.reset();
      put(place, secretNotice(made.name, made.token));
      await refresh();
    } catch (error) {
      put(place, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
  });
  return form;
}

/**
 * @param {string} name
 * @param {string} secret
 */
function secretNotice(name, secret) {
  const shown = h("input", { class: "mono", readonly: true, value: secret, "aria-label": `The token of ${name}` });
  return h(
    "div",
    { class: "notice" },
    h("p", {}, `The token of ${name}. It is shown this once: hand it over on a safe way.`),
    shown,
  );
}

/**
 * @param {Person} person
 * @param {HTMLElement} place
 * @param {() => Promise<void>} refresh
 */
function personItem({ name, role, trusted, created_at: since, is_own: isOwn }, place, refresh) {
  const button = h("button", { type: "button", class: "quiet-button small" }, `Remove ${name}`);
  button.addEventListener("click", async () => {
    if (!button.dataset.sure) {
      button.dataset.sure = "yes";
      put(button, `Really shut ${name} out?`);
      return;
    }
    try {
      await remove(`/tokens/${encodeURIComponent(name)}`);
      put(place);
    } catch (error) {
      put(place, h("p", { class: "notice is-bad", role: "alert" }, problemOf(error).message));
    }
    await refresh();
  });
  return h(
    "li",
    { class: "past-errand person-item" },
    h(
      "p",
      {},
      h("b", {}, name),
      ` ${role}${trusted ? ", trusted" : ""} `,
      h("time", { class: "quiet small", datetime: since, title: moment(since) }, `since ${ago(since)}`),
    ),
    isOwn ? h("span", { class: "quiet" }, "you") : button,
  );
}
