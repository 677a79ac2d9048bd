/** Replay: go back in time on the log, and see what it held by then. */

import { exampleAddress, pageParameters } from "./address.js";
import { get } from "./api.js";
import { emptyState, h, link, put } from "./dom.js";
import { onMoved } from "./live.js";
import { FACTS, moment, number, plain } from "./words.js";

/** @import { LogLine, Session } from "../answers.d.ts" */

/** Facts before the moment that are listed. */
const SHOWN = 50;
/** Kinds of facts that are about an example. */
const LINKED = /^(example|feedback|correction)\./;
const COUNTED = [
  "captures",
  "corrections",
  "feedback",
  "approvals",
  "rejections",
  "reopened",
  "redactions",
  "descriptions",
  "erasures",
  "policies",
  "exports",
  "trainings",
  "quarantined",
];

/** Playing takes this many steps from the beginning to the end. */
const PLAY_STEPS = 100;
const PLAY_STEP_MS = 250;

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const { last_seq: last } = await get("/log", { limit: 1 });
  await new Replay(main, last, me.rights.includes("say")).start();
}

class Replay {
  /**
   * @param {HTMLElement} main
   * @param {number} last the end of the log
   * @param {boolean} mayGoBack whoever changes nothing starts no process of the past either
   */
  constructor(main, last, mayGoBack) {
    this.main = main;
    this.last = last;
    this.mayGoBack = mayGoBack;
    const { seq } = pageParameters(["seq"]);
    this.slider = h("input", {
      type: "range",
      id: "seq",
      min: 0,
      max: last,
      step: 1,
      "aria-describedby": "moment",
      value: String(Math.min(last, seq === "" ? last : Number(seq))),
    });
    this.time = h("input", { type: "datetime-local", id: "time", step: 1 });
    this.moment = h("p", { class: "moment", id: "moment", role: "status" });
    this.numbers = h("dl", { class: "counted" });
    this.lines = h("ol", { class: "log" });
    this.play = h("button", { type: "button", class: "secondary" }, "Play");
    /** @type {number | undefined} */
    this.timer = undefined;
    /** Counts the readings of a moment, so that only the last reading is shown. */
    this.reading = 0;
  }

  get seq() {
    return Number(this.slider.value);
  }

  async start() {
    this.draw();
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.startPlaying()));
    this.slider.addEventListener("input", () => this.show());
    this.time.addEventListener("change", () => this.goToTime());
    await this.show();
    onMoved(() => this.extend());
  }

  draw() {
    const promise = "The log is the truth: every state follows from it. Go back to any moment.";
    const openPast = () => location.assign(`/?as_of=${this.seq}`);
    const step = (/** @type {number} */ by, /** @type {string} */ words) =>
      h("button", { type: "button", class: "secondary", onclick: () => this.go(this.seq + by) }, words);
    put(
      this.main,
      h("div", { class: "page-title" }, h("h1", {}, "Replay"), h("p", { class: "quiet" }, promise)),
      h(
        "section",
        { class: "card replay", "aria-label": "Where on the log" },
        h(
          "div",
          { class: "replay-head" },
          this.moment,
          this.mayGoBack &&
            h("button", { type: "button", class: "primary", onclick: openPast }, "See everything as it stood"),
        ),
        h("label", { for: "seq", class: "unseen" }, "Sequence on the log"),
        this.slider,
        h(
          "div",
          { class: "replay-buttons" },
          step(-1, "← One back"),
          this.play,
          step(1, "One on →"),
          h("span", { class: "gap" }),
          h("label", { for: "time" }, "At the time"),
          this.time,
        ),
      ),
      card("by-then", "Said by then", this.numbers),
      card("lines", `The ${SHOWN} facts before that moment`, this.lines),
    );
  }

  /** Show the moment of the slider. */
  async show() {
    this.reading += 1;
    const { reading, seq, last } = this;
    const [counted, stretch] = await Promise.all([
      get("/log/counted", { seq }),
      get("/log", { after: Math.max(0, seq - SHOWN), limit: SHOWN }),
    ]);
    if (reading !== this.reading) return;
    const lines = stretch.items.filter((item) => item.seq <= seq).reverse();
    const received = lines.length ? `, received ${moment(lines[0].received_at)}` : "";
    put(this.moment, last > 0 && [h("b", {}, `Fact ${number(seq)}`), ` of ${number(last)}`, received]);
    put(
      this.numbers,
      COUNTED.map((name) => numberOf(plain(name), counted.counts[name])),
    );
    put(this.lines, lines.length ? lines.map(logLine) : h("li", {}, emptyState("Nothing had been said yet")));
    window.history.replaceState(null, "", seq === last ? "/replay" : `/replay?seq=${seq}`);
  }

  /** @param {number} seq */
  async go(seq) {
    this.slider.value = String(Math.max(0, Math.min(this.last, seq)));
    await this.show();
  }

  async goToTime() {
    if (!this.time.value) return;
    const { seq } = await get("/log/moment", { at: new Date(this.time.value).toISOString() });
    await this.go(seq);
  }

  startPlaying() {
    if (this.seq === this.last) this.slider.value = "0";
    put(this.play, "Pause");
    const step = Math.max(1, Math.round(this.last / PLAY_STEPS));
    this.timer = setInterval(() => {
      this.go(this.seq + step);
      if (this.seq >= this.last) this.stop();
    }, PLAY_STEP_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    put(this.play, "Play");
  }

  /** The log has grown: a visitor who looked at its end keeps looking at its end. */
  async extend() {
    const isAtEnd = this.seq === this.last;
    const { last_seq: last } = await get("/log", { limit: 1 });
    this.last = last;
    this.slider.max = String(last);
    if (isAtEnd) await this.go(last);
  }
}

/**
 * @param {string} id
 * @param {string} title
 * @param {HTMLElement} content
 */
function card(id, title, content) {
  return h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title)),
    h("div", { class: "body" }, content),
  );
}

/**
 * @param {string} name
 * @param {number} n
 */
function numberOf(name, n) {
  return h("div", { class: n ? "" : "is-none" }, h("dt", {}, name), h("dd", {}, number(n)));
}

/** @param {LogLine} line */
function logLine({ seq, type, told: text, actor, about, received_at: at }) {
  const isLinked = type !== null && LINKED.test(type);
  return h(
    "li",
    {},
    h("span", { class: "seq quiet" }, `#${number(seq)}`),
    type
      ? h("span", {}, h("b", {}, FACTS[type] ?? plain(type)), ` by ${actor}`)
      : h("span", { class: "state is-bad" }, text),
    isLinked
      ? link(exampleAddress(about), { class: "mono about-id" }, about)
      : h("span", { class: "mono quiet about-id" }, about.slice(0, 40)),
    h("time", { class: "quiet", datetime: at }, moment(at)),
  );
}
