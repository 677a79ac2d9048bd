/** The API: every answer is data or a Problem; a change is said once, however often the network fails. */

import { asOf } from "./moment.js";

const BASE = "/api/v1";
const KEPT = /^\/(stats|dashboard|examples|review)(\/|$)/;
const TRIES = 3;

/** A refused request: `code` for us, the message for people. */
export class Problem extends Error {
  constructor(status, code, message, details = {}) {
    super(message);
    Object.assign(this, { status, code, details });
  }
}

/** Ask; what follows from the log is asked for as of the moment that the page shows. */
export function get(path, parameters = {}, options = {}) {
  const given = Object.entries(asOf !== null && KEPT.test(path) ? { ...parameters, as_of: asOf } : parameters).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const query = given.length ? `?${new URLSearchParams(given)}` : "";
  return ask("GET", path + query, undefined, options);
}

/** Say something; a lost answer is asked for again under the same key, so nothing is ever said twice. */
export async function post(path, body, options = {}) {
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask("POST", path, body, { ...options, key: options.isKeyed === false ? null : key });
    } catch (problem) {
      if (tried === TRIES || !["offline", "log_unavailable"].includes(problem.code)) throw problem;
      await new Promise((resume) => setTimeout(resume, 400 * tried));
    }
  }
}

export function remove(path) {
  return ask("DELETE", path);
}

async function ask(method, path, body, { key, signal, mayBeUnknown = false } = {}) {
  const headers = { "X-Rooflog-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "offline", "The server cannot be reached.");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await told(response);
  if (problem.status === 401 && !mayBeUnknown) signIn();
  throw problem;
}

async function told(response) {
  try {
    const { error } = await response.json();
    return new Problem(response.status, error.code, error.message, error.details);
  } catch {
    return new Problem(response.status, "unknown", `The server answered ${response.status}.`);
  }
}

/** Ask who this is, and come back. */
export function signIn() {
  if (location.pathname === "/sign-in") return;
  location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`);
}
