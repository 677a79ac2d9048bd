/** Sign in: a token becomes a cookie that no script can read. */

import { pageParameters } from "./address.js";
import { get, post, problemOf } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, put } from "./dom.js";

/** @import { Session } from "../answers.d.ts" */

/** Where the browser keeps that somebody has signed in here and not out again. */
const SIGNED_IN = "signed-in";

/** @param {HTMLElement} main */
export async function draw(main) {
  document.title = "Sign in · rooflog";
  if (await isIn()) return location.replace(nextAddress());
  const hasEnded = localStorage.getItem(SIGNED_IN) !== null;
  const { form, focus } = signInForm(() => location.assign(nextAddress()));
  form.prepend(
    h("h1", {}, h("span", { class: "roof", "aria-hidden": "true" }), "rooflog"),
    ...(hasEnded ? [h("p", { role: "status" }, "Your session has ended. Sign in again.")] : []),
  );
  put(main, form);
  focus();
}

/** Forget that somebody was here: they go because they want to. */
export function forgetSignIn() {
  localStorage.removeItem(SIGNED_IN);
}

/**
 * Let somebody in again without leaving the page; what they wrote stays. The promise is the same for everything that
 * waits for it.
 *
 * @param {Session} me who was here
 */
export function signInAgain(me) {
  const dialog = h("dialog", { "aria-labelledby": "again-title" });
  const isBack = new Promise((resolve) => {
    const { form, focus } = signInForm((session) => {
      if (session.name !== me.name) location.reload();
      dialog.close();
      resolve(true);
    });
    put(
      dialog,
      h("h2", { id: "again-title" }, "Your session has ended"),
      h("p", {}, `Sign in again as ${me.name}: what you wrote here stays.`),
      form,
    );
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    openDialog(dialog, { closesBeside: false });
    focus();
  });
  return /** @type {Promise<boolean>} */ (isBack);
}

/** @param {(session: Session) => unknown} done */
function signInForm(done) {
  const token = h("input", {
    id: "token",
    type: "password",
    name: "token",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "token-help",
  });
  const refusal = h("p", { class: "wrong", role: "alert" });
  const command = h("code", {}, "rooflog token add NAME --role reviewer");
  const form = h(
    "form",
    { class: "sign-in" },
    h("label", { for: "token" }, "Your token"),
    token,
    h("p", { id: "token-help", class: "quiet" }, "Whoever runs rooflog makes one with ", command, "."),
    refusal,
    h("button", { class: "primary" }, "Sign in"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    put(refusal);
    try {
      const session = await post("/session", { token: token.value.trim() }, { mayBeUnknown: true, isKeyed: false });
      localStorage.setItem(SIGNED_IN, "1");
      done(session);
    } catch (error) {
      const { code, message } = problemOf(error);
      put(refusal, code === "unauthorized" ? "This token is not known; it may have been removed." : message);
      token.select();
    }
  });
  return { form, focus: () => token.focus() };
}

/** Whether the visitor is in already: there is nothing to sign in to. */
async function isIn() {
  try {
    await get("/session");
    return true;
  } catch {
    return false;
  }
}

/** Where the visitor wanted to go: a page of ours and nothing else. */
function nextAddress() {
  const { next } = pageParameters(["next"]);
  const target = new URL(next || "/", location.origin);
  return target.origin === location.origin && target.pathname !== "/sign-in" ? target.pathname + target.search : "/";
}
