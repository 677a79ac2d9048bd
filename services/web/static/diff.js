/** Diff: which words of two texts differ, by Myers' algorithm (An O(ND) Difference Algorithm, 1986). */

const WORDS = /\s+|[\p{L}\p{M}\p{N}]+(?:[.,'’/-][\p{L}\p{M}\p{N}]+)*|[^]/gu;

/** Words that are compared at most, and differences that are looked for: beyond, the middle counts as replaced. */
const MOST_WORDS = 40_000;
const MOST_CHANGES = 1_500;

/** Runs of `{kind: "same" | "gone" | "new", text}` that lead from one text to the other. */
export function diff(before, after) {
  const a = before.match(WORDS) ?? [];
  const b = after.match(WORDS) ?? [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = changes(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return readable(joined([["same", a.slice(0, start)], ...middle, ["same", a.slice(a.length - end)]]));
}

function changes(a, b) {
  const replaced = [
    ["gone", a],
    ["new", b],
  ];
  if (!a.length || !b.length || a.length + b.length > MOST_WORDS) return replaced;
  const most = Math.min(a.length + b.length, MOST_CHANGES);
  const reach = new Int32Array(2 * most + 2);
  const trace = [];
  for (let d = 0; d <= most; d += 1) {
    trace.push(reach.slice(most - d, most + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reach[most + k - 1] < reach[most + k + 1]);
      let x = down ? reach[most + k + 1] : reach[most + k - 1] + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[most + k] = x;
      if (x >= a.length && x - k >= b.length) return walk(a, b, trace);
    }
  }
  return replaced;
}

function walk(a, b, trace) {
  const steps = [];
  let x = a.length;
  let y = b.length;
  for (let d = trace.length - 1; d > 0; d -= 1) {
    const reach = (k) => trace[d][k + d] ?? 0;
    const k = x - y;
    const down = k === -d || (k !== d && reach(k - 1) < reach(k + 1));
    const fromX = down ? reach(k + 1) : reach(k - 1);
    const fromY = fromX - (down ? k + 1 : k - 1);
    while (x > fromX && y > fromY) {
      steps.push(["same", [a[x - 1]]]);
      x -= 1;
      y -= 1;
    }
    steps.push(down ? ["new", [b[y - 1]]] : ["gone", [a[x - 1]]]);
    x = fromX;
    y = fromY;
  }
  while (x > 0) {
    steps.push(["same", [a[x - 1]]]);
    x -= 1;
  }
  return steps.reverse();
}

/** Neighbours of a kind as one run, gone before new; a blank between two changes belongs to both of them. */
function joined(steps) {
  const runs = [];
  let gone = "";
  let fresh = "";
  let blank = "";
  const flush = () => {
    if (gone) runs.push({ kind: "gone", text: gone });
    if (fresh) runs.push({ kind: "new", text: fresh });
    if (blank) same(blank);
    gone = fresh = blank = "";
  };
  const same = (text) => {
    if (runs.at(-1)?.kind === "same") runs.at(-1).text += text;
    else runs.push({ kind: "same", text });
  };
  for (const [kind, words] of steps) {
    const text = words.join("");
    if (!text) continue;
    if (kind === "same") {
      if (!(gone || fresh)) same(text);
      else if (gone && fresh && !blank && words.length === 1 && /^[ \t]+$/.test(text)) blank = text;
      else {
        flush();
        same(text);
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
 */
function readable(runs) {
  const groups = [];
  for (const { kind, text } of runs) {
    if (kind === "same") groups.push({ same: text });
    else if (groups.length && groups.at(-1).same === undefined) groups.at(-1)[kind] += text;
    else groups.push({ gone: "", new: "", [kind]: text });
  }
  for (let n = 1; n < groups.length - 1; ) {
    const [before, between, after] = [groups[n - 1], groups[n], groups[n + 1]];
    const size = (group) => Math.max(group.gone.length, group.new.length);
    if (
      between.same === undefined ||
      between.same.includes("\n") ||
      between.same.length > Math.min(size(before), size(after))
    ) {
      n += 1;
      continue;
    }
    const whole = { gone: before.gone + between.same + after.gone, new: before.new + between.same + after.new };
    groups.splice(n - 1, 3, whole);
    n = Math.max(1, n - 2);
  }
  return groups.flatMap((group) =>
    group.same !== undefined
      ? [{ kind: "same", text: group.same }]
      : [
          { kind: "gone", text: group.gone },
          { kind: "new", text: group.new },
        ].filter(({ text }) => text),
  );
}
