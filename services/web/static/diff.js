/** Diff: which words of two texts differ, by Myers' algorithm (An O(ND) Difference Algorithm, 1986). */

/** @typedef {{ kind: "same" | "gone" | "new", text: string }} Run */
/** @typedef {[kind: Run["kind"], words: string[]]} Step */
/**
 * What stands between two runs that are the same in both texts.
 *
 * @typedef {{ gone: string, new: string }} Change
 */

const WORDS = /\s+|[\p{L}\p{M}\p{N}]+(?:[.,'’/-][\p{L}\p{M}\p{N}]+)*|./gsu;

/** Limits of the work on one comparison; beyond them everything between the same ends counts as replaced. */
const MAX_WORDS = 40_000;
const MAX_CHANGES = 1_500;

/**
 * The runs that lead from one text to the other.
 *
 * @param {string} before
 * @param {string} after
 * @returns {Run[]}
 */
export function diff(before, after) {
  const a = before.match(WORDS) ?? [];
  const b = after.match(WORDS) ?? [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = editScript(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return cleanUp(join([["same", a.slice(0, start)], ...middle, ["same", a.slice(a.length - end)]]));
}

/**
 * The shortest way from one list of words to the other.
 *
 * @param {string[]} a
 * @param {string[]} b
 * @returns {Step[]}
 */
function editScript(a, b) {
  /** @type {Step[]} */
  const replaced = [
    ["gone", a],
    ["new", b],
  ];
  if (!a.length || !b.length || a.length + b.length > MAX_WORDS) return replaced;
  const most = Math.min(a.length + b.length, MAX_CHANGES);
  const reach = new Int32Array(2 * most + 2);
  const trace = [];
  for (let d = 0; d <= most; d += 1) {
    trace.push(reach.slice(most - d, most + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && reach[most + k - 1] < reach[most + k + 1]);
      let x = isDown ? reach[most + k + 1] : reach[most + k - 1] + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[most + k] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, trace);
    }
  }
  return replaced;
}

/**
 * The steps behind the trace of Myers' algorithm, which ends where both lists end.
 *
 * @param {string[]} a
 * @param {string[]} b
 * @param {Int32Array[]} trace
 */
function walkBack(a, b, trace) {
  /** @type {Step[]} */
  const steps = [];
  let x = a.length;
  let y = b.length;
  for (let d = trace.length - 1; d > 0; d -= 1) {
    const reach = (/** @type {number} */ diagonal) => trace[d][diagonal + d] ?? 0;
    const k = x - y;
    const isDown = k === -d || (k !== d && reach(k - 1) < reach(k + 1));
    const fromX = isDown ? reach(k + 1) : reach(k - 1);
    const fromY = fromX - (isDown ? k + 1 : k - 1);
    while (x > fromX && y > fromY) {
      steps.push(["same", [a[x - 1]]]);
      x -= 1;
      y -= 1;
    }
    steps.push(isDown ? ["new", [b[y - 1]]] : ["gone", [a[x - 1]]]);
    x = fromX;
    y = fromY;
  }
  while (x > 0) {
    steps.push(["same", [a[x - 1]]]);
    x -= 1;
  }
  return steps.reverse();
}

/**
 * Neighbours of a kind as one run, gone before new; a blank between two changes belongs to both of them.
 *
 * @param {Step[]} steps
 */
function join(steps) {
  /** @type {Run[]} */
  const runs = [];
  let gone = "";
  let fresh = "";
  let blank = "";
  const addSame = (/** @type {string} */ text) => {
    const last = runs.at(-1);
    if (last?.kind === "same") last.text += text;
    else runs.push({ kind: "same", text });
  };
  const flush = () => {
    if (gone) runs.push({ kind: "gone", text: gone });
    if (fresh) runs.push({ kind: "new", text: fresh });
    if (blank) addSame(blank);
    gone = fresh = blank = "";
  };
  for (const [kind, words] of steps) {
    const text = words.join("");
    if (!text) continue;
    if (kind === "same") {
      if (!(gone || fresh)) addSame(text);
      else if (gone && fresh && !blank && words.length === 1 && /^[ \t]+$/.test(text)) blank = text;
      else {
        flush();
        addSame(text);
      }
      continue;
    }
    if (blank) {
      gone += blank;
      fresh += blank;
      blank = "";
    }
    if (kind === "gone") gone += text;
    else fresh += text;
  }
  flush();
  return runs;
}

/**
 * The same runs with fewer, larger changes: what is the same between two changes, and shorter than both of them, is
 * only in the reader's way (diff-match-patch calls this semantic cleanup).
 *
 * @param {Run[]} runs
 */
function cleanUp(runs) {
  const groups = grouped(runs);
  for (let n = 1; n < groups.length - 1; ) {
    const [before, between, after] = [groups[n - 1], groups[n], groups[n + 1]];
    if (typeof between !== "string" || typeof before === "string" || typeof after === "string") {
      n += 1;
      continue;
    }
    if (between.includes("\n") || between.length > Math.min(changeLength(before), changeLength(after))) {
      n += 1;
      continue;
    }
    const whole = { gone: before.gone + between + after.gone, new: before.new + between + after.new };
    groups.splice(n - 1, 3, whole);
    n = Math.max(1, n - 2);
  }
  return groups.flatMap(runsOf);
}

/**
 * Changes, and the texts between them as strings.
 *
 * @param {Run[]} runs
 */
function grouped(runs) {
  /** @type {(string | Change)[]} */
  const groups = [];
  for (const { kind, text } of runs) {
    const last = groups.at(-1);
    if (kind === "same") groups.push(text);
    else if (last !== undefined && typeof last !== "string") last[kind] += text;
    else groups.push({ gone: "", new: "", [kind]: text });
  }
  return groups;
}

/** @param {Change} change */
function changeLength(change) {
  return Math.max(change.gone.length, change.new.length);
}

/**
 * @param {string | Change} group
 * @returns {Run[]}
 */
function runsOf(group) {
  if (typeof group === "string") return [{ kind: "same", text: group }];
  /** @type {Run[]} */
  const runs = [
    { kind: "gone", text: group.gone },
    { kind: "new", text: group.new },
  ];
  return runs.filter(({ text }) => text);
}
