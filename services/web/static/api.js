/** The API: every answer is data or a Problem, and a change is made once, however often the network fails. */

import { address } from "./address.js";
import { asOf } from "./moment.js";
import { pause } from "./pause.js";

/** @import { Get, Parameters, Post, PostOptions } from "../answers.d.ts" */

const BASE = "/api/v1";
/** Paths whose answers follow from the log: they can be asked for as of a moment. */
const PAST_PATHS = /^\/(stats|dashboard|examples|review)(\/|$)/;
const ATTEMPTS = 3;
const RETRY_MS = 400;

/** A refused request: `code` is for programs, `message` for people; a `status` of 0 means that nothing answered. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {Record<string, unknown>} details
   */
  constructor(status, code, message, details = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/**
 * Anything that was thrown, as a Problem; an error in a script of ours has the code `script`.
 *
 * @param {unknown} error
 */
export function problemOf(error) {
  if (error instanceof Problem) return error;
  return new Problem(0, "script", error instanceof Error ? error.message : String(error));
}

/**
 * Read; answers that follow from the log are read as of the moment that the page shows.
 *
 * @type {Get}
 */
export const get = (/** @type {string} */ path, /** @type {Parameters} */ parameters = {}) => {
  const isPast = asOf !== null && PAST_PATHS.test(path);
  return request("GET", address(path, isPast ? { ...parameters, as_of: asOf } : parameters));
};

/**
 * Change something. A request whose answer was lost is sent again under the same key, so nothing happens twice.
 *
 * @type {Post}
 */
export const post = async (
  /** @type {string} */ path,
  /** @type {object} */ body,
  /** @type {PostOptions} */ { isKeyed = true, mayBeUnknown = false } = {},
) => {
  const idempotencyKey = isKeyed ? randomKey() : null;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request("POST", path, { body, idempotencyKey, mayBeUnknown });
    } catch (error) {
      const isPassing = ["offline", "log_unavailable"].includes(problemOf(error).code);
      if (attempt === ATTEMPTS || !isPassing) throw error;
      await pause(RETRY_MS * attempt);
    }
  }
};

/**
 * Delete.
 *
 * @param {string} path
 */
export function remove(path) {
  return request("DELETE", path);
}

/** Go to the page that signs in; it leads back here. */
function signIn() {
  if (location.pathname === "/sign-in") return;
  location.assign(address("/sign-in", { next: location.pathname + location.search }));
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: object, idempotencyKey?: string | null, mayBeUnknown?: boolean }} options
 * @returns {Promise<any>}
 */
async function request(method, path, { body, idempotencyKey = null, mayBeUnknown = false } = {}) {
  const headers = new Headers({ "X-Rooflog-Page": "1" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (idempotencyKey !== null) headers.set("Idempotency-Key", idempotencyKey);
  const response = await fetch(BASE + path, { method, headers, body: body ? JSON.stringify(body) : null }).catch(() => {
    throw new Problem(0, "offline", "The server cannot be reached.");
  });
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401 && !mayBeUnknown) signIn();
  throw await refusal(response);
}

/** @param {Response} response */
async function refusal(response) {
  try {
    const { error } = await response.json();
    return new Problem(response.status, error.code, error.message, error.details);
  } catch {
    return new Problem(response.status, "unknown", `The server answered ${response.status}.`);
  }
}
