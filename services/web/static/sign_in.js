/** Sign in: a token becomes a cookie that no script can read. */

import { pageParameters } from "./address.js";
import { post, problemOf } from "./api.js";
import { h, put } from "./dom.js";

/** @param {HTMLElement} main */
export function draw(main) {
  document.title = "Sign in · rooflog";
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
    h("h1", {}, h("span", { class: "roof", "aria-hidden": "true" }), "rooflog"),
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
      await post("/session", { token: token.value.trim() }, { mayBeUnknown: true, isKeyed: false });
      location.assign(nextAddress());
    } catch (error) {
      const { status, message } = problemOf(error);
      put(refusal, status === 401 ? "This token is not known; it may have been removed." : message);
      token.select();
    }
  });
  put(main, form);
  token.focus();
}

/** Where the visitor wanted to go: a page of ours and nothing else. */
function nextAddress() {
  const { next } = pageParameters(["next"]);
  const target = new URL(next || "/", location.origin);
  return target.origin === location.origin && target.pathname !== "/sign-in" ? target.pathname + target.search : "/";
}
