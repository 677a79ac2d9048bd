/** Live: the projector says that the state has moved, and what is on the page asks again. */

const GAP = 250;

const listeners = new Set();
const watchers = new Set();
let source = null;
let heard = null;
let last = null;
let state = "connecting";

/** Call back with the last checkpoint, if one is known (the state may have moved while a page was loading), and with every new one. */
export function onMoved(callback) {
  listeners.add(callback);
  if (last !== null) callback(last);
  return () => listeners.delete(callback);
}

/** Call back with `live`, `connecting` or `away`, now and whenever it changes. */
export function onState(callback) {
  watchers.add(callback);
  callback(state, heard);
}

/** Keep calling an asynchronous function when the state moves: one call at a time, and never one too few. */
export function following(refresh) {
  let running = false;
  let again = false;
  const run = async () => {
    again = running;
    if (running) return;
    running = true;
    try {
      await refresh();
    } finally {
      await new Promise((resume) => setTimeout(resume, GAP));
      running = false;
      if (again) run();
    }
  };
  onMoved(run);
  return run;
}

/** Listen while the page is seen: a hidden page would keep one of the browser's few connections for nothing. */
export function listen() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

function open() {
  if (source || document.hidden) return;
  source = new EventSource("/api/v1/events");
  source.addEventListener("open", () => tell("live"));
  source.addEventListener("moved", (event) => {
    heard = Date.now();
    tell("live");
    last = JSON.parse(event.data).checkpoint;
    for (const callback of listeners) callback(last);
  });
  source.addEventListener("error", () => {
    tell("away");
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(open, 2000);
  });
}

function close() {
  source?.close();
  source = null;
}

function tell(now) {
  state = now;
  for (const callback of watchers) callback(state, heard);
}
