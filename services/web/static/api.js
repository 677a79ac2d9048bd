/** The API: every answer is data or a Problem in time, and a change is made once, however often the network fails. */

import { address } from "./address.js";
import { asOf } from "./moment.js";
import { pause } from "./pause.js";

/** @import { Get, Parameters, Post, PostOptions, Upload } from "../answers.d.ts" */

const BASE = "/api/v1";
/** Paths whose answers follow from the log: they can be asked for as of a moment. */
const PAST_PATHS = /^\/(stats|dashboard|examples|review)(\/|$)/;
const ATTEMPTS = 3;
const RETRY_MS = 400;

/** Longer than the gateway takes for an answer, and for one that may take a minute: what comes later is lost. */
const ANSWER_MS = 20_000;
const LONG_ANSWER_MS = 90_000;

/** Codes of what may be gone at the next attempt. */
const PASSING = ["offline", "slow", "log_unavailable", "projector_unavailable"];

/**
 * What a page does where a session has ended: whether the request can be sent again.
 *
 * @type {() => Promise<boolean>}
 */
let signInAgain = async () => {
  signIn();
  return false;
};

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
  const asked = address(path, isPast ? { ...parameters, as_of: asOf } : parameters);
  return inAttempts(() => request("GET", asked));
};

/**
 * Change something. A request whose answer was lost is sent again under the same key, so nothing happens twice.
 *
 * @type {Post}
 */
export const post = async (
  /** @type {string} */ path,
  /** @type {object} */ body,
  /** @type {PostOptions} */ { isKeyed = true, isOnce = false, mayBeUnknown = false, isLong = false } = {},
) => {
  const idempotencyKey = isKeyed ? randomKey() : null;
  const send = () => request("POST", path, { body, idempotencyKey, mayBeUnknown, isLong });
  return isOnce ? send() : inAttempts(send);
};

/**
 * @template T
 * @param {() => Promise<T>} send
 */
async function inAttempts(send) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (attempt === ATTEMPTS || !PASSING.includes(problemOf(error).code)) throw error;
      await pause(RETRY_MS * attempt);
    }
  }
}

/**
 * From here on the page is in use: where its session ends, `again` lets the visitor in without leaving it.
 *
 * @param {typeof signInAgain} again
 */
export function keepSession(again) {
  signInAgain = again;
}

/**
 * Send a file as it is; it may take as long as it takes.
 *
 * @param {"/imports"} path
 * @param {File} file
 * @returns {Promise<Upload>}
 */
export function upload(path, file) {
  return request("POST", address(path, { name: file.name }), { file });
}

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
 * @param {object} options
 * @param {object} [options.body]
 * @param {File} [options.file] the body instead
 * @param {string | null} [options.idempotencyKey]
 * @param {boolean} [options.mayBeUnknown]
 * @param {boolean} [options.isLong]
 * @returns {Promise<any>}
 */
async function request(method, path, options = {}) {
  const { body, file, idempotencyKey = null, mayBeUnknown = false, isLong = false } = options;
  const headers = new Headers({ "X-Rooflog-Page": "1" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (file) headers.set("Content-Type", "application/octet-stream");
  if (idempotencyKey !== null) headers.set("Idempotency-Key", idempotencyKey);
  const patience = isLong ? LONG_ANSWER_MS : ANSWER_MS;
  const signal = file ? null : AbortSignal.timeout(patience);
  const content = file ?? (body ? JSON.stringify(body) : null);
  try {
    const response = await fetch(BASE + path, { method, headers, signal, body: content });
    if (response.ok) return response.status === 204 ? null : await response.json();
    if (response.status !== 401 || mayBeUnknown) throw await refusal(response);
    if (!(await signInAgain())) throw await refusal(response);
  } catch (error) {
    throw error instanceof Problem ? error : silence(error, patience);
  }
  return request(method, path, options);
}

/**
 * No answer, or only the beginning of one.
 *
 * @param {unknown} error
 * @param {number} patience milliseconds
 */
function silence(error, patience) {
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  if (isLate) return new Problem(0, "slow", `The server has not answered for ${patience / 1000} seconds.`);
  return new Problem(0, "offline", "The server cannot be reached.");
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
