/** Sign in: a token becomes a cookie that no script can read. */

import { post } from "./api.js";
import { h, put } from "./dom.js";

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
  const wrong = h("p", { class: "wrong", role: "alert" });
  const form = h(
    "form",
    { class: "sign-in" },
    h("h1", {}, h("span", { class: "roof", "aria-hidden": "true" }), "rooflog"),
    h("label", { for: "token" }, "Your token"),
    token,
    h(
      "p",
      { id: "token-help", class: "quiet" },
      "Whoever runs rooflog makes one with ",
      h("code", {}, "rooflog token add NAME --role reviewer"),
      ".",
    ),
    wrong,
    h("button", { class: "primary" }, "Sign in"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    put(wrong);
    try {
      await post("/session", { token: token.value.trim() }, { mayBeUnknown: true, isKeyed: false });
      location.assign(next());
    } catch (problem) {
      put(wrong, problem.status === 401 ? "This token is not known; it may have been removed." : problem.message);
      token.select();
    }
  });
  put(main, form);
  token.focus();
}

/** Where somebody wanted to go: a page of ours and nothing else. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  const target = new URL(wanted, location.origin);
  return target.origin === location.origin && target.pathname !== "/sign-in" ? target.pathname + target.search : "/";
}
