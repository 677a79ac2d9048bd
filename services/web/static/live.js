/** Live updates: the server reports every move of the state, and the page reads its data again. */

import { pause } from "./pause.js";

/** @typedef {"live" | "connecting" | "away"} Connection */

/** The pause between two readings of one part of a page. */
const GAP_MS = 250;
const RECONNECT_MS = 2000;

/** @type {Set<(checkpoint: number) => unknown>} */
const moveListeners = new Set();
/** @type {Set<(connection: Connection) => unknown>} */
const connectionListeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** @type {number | null} */
let lastCheckpoint = null;
/** @type {Connection} */
let connection = "connecting";

/**
 * Call back with every new checkpoint, and with the last one if it is known: the state may have moved while a page
 * was loading.
 *
 * @param {(checkpoint: number) => unknown} callback
 */
export function onMoved(callback) {
  moveListeners.add(callback);
  if (lastCheckpoint !== null) callback(lastCheckpoint);
}

/**
 * Call back with the connection, now and whenever it changes.
 *
 * @param {(connection: Connection) => unknown} callback
 */
export function onConnection(callback) {
  connectionListeners.add(callback);
  callback(connection);
}

/**
 * Call a function whenever the state moves: one call at a time, and always once more after the last move. The
 * function that is returned does so at once.
 *
 * @param {() => Promise<unknown>} refresh
 */
export function keepFresh(refresh) {
  let isRunning = false;
  let hasMoved = false;
  const run = async () => {
    hasMoved = isRunning;
    if (isRunning) return;
    isRunning = true;
    try {
      await refresh();
    } finally {
      await pause(GAP_MS);
      isRunning = false;
      if (hasMoved) run();
    }
  };
  onMoved(run);
  return run;
}

/** Stay connected while the page is seen: a hidden page would take one of the browser's few connections for nothing. */
export function connect() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

function open() {
  if (source || document.hidden) return;
  source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => changeConnection("live"));
  source.addEventListener("moved", (event) => {
    changeConnection("live");
    const { checkpoint } = JSON.parse(event.data);
    lastCheckpoint = checkpoint;
    for (const callback of moveListeners) callback(checkpoint);
  });
  source.addEventListener("error", () => {
    changeConnection("away");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(open, RECONNECT_MS);
  });
}

function close() {
  source?.close();
  source = null;
}

/** @param {Connection} changed */
function changeConnection(changed) {
  connection = changed;
  for (const callback of connectionListeners) callback(connection);
}
