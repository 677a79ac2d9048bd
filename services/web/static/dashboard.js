/** The dashboard: are we ready to train, and is anything wrong? */

import { address } from "./address.js";
import { get } from "./api.js";
import { progress, timelineChart, timelineLegend } from "./charts.js";
import { relevanceBars, sourceBars, waitingBars } from "./dashboard/bars.js";
import { correctionList } from "./dashboard/corrections.js";
import { funnelList } from "./dashboard/funnel.js";
import { healthList } from "./dashboard/health.js";
import { topicList } from "./dashboard/topics.js";
import { emptyState, h, link, put } from "./dom.js";
import { keepFresh } from "./live.js";
import { asOf } from "./moment.js";
import { exporterState, operations } from "./operations.js";
import { number, percent } from "./words.js";

/** @import { Dashboard, Exporter, Session, Stats, Status, Timeline } from "../answers.d.ts" */
/** @import { Child } from "./dom.js" */

const SPANS = { hours: "48 hours", days: "30 days", months: "12 months" };

/** Health has an age, which grows while nothing moves. */
const REFRESH_MS = 30_000;

/**
 * @param {HTMLElement} main
 * @param {Session} me
 */
export async function draw(main, me) {
  const page = new DashboardPage(main, me);
  await page.start();
}

class DashboardPage {
  /**
   * @param {HTMLElement} main
   * @param {Session} me
   */
  constructor(main, me) {
    this.main = main;
    this.me = me;
    this.span = "days";
    this.hero = h("section", { class: "hero is-read", "aria-label": "Progress to the next training" });
    this.spanButtons = h(
      "div",
      { class: "segments", role: "group", "aria-label": "Time shown" },
      Object.entries(SPANS).map(([name, words]) =>
        h("button", { type: "button", "data-span": name, onclick: () => this.choose(name) }, words),
      ),
    );
    this.funnel = new Card("funnel", "From captured to exported");
    this.waiting = new Card("waiting", "Waiting for review", queueLink());
    this.health = new Card("health", "Health");
    this.time = new Card("time", "Captures and decisions", timelineLegend(), this.spanButtons);
    this.sources = new Card("sources", "By source");
    this.relevance = new Card("relevance", "Relevance");
    this.topics = new Card("topics", "Topics");
    this.corrections = new Card("corrections", "Recent corrections", correctionsLink());
    this.refresh = keepFresh(() => this.read());
  }

  async start() {
    put(
      this.main,
      h("h1", { class: "unseen" }, "Dashboard"),
      this.hero,
      h(
        "div",
        { class: "grid" },
        this.funnel.element,
        h("div", { class: "stack" }, this.waiting.element, asOf === null ? this.health.element : null),
        this.time.element,
        this.sources.element,
        h("div", { class: "stack" }, this.relevance.element, this.topics.element),
        this.corrections.element,
      ),
    );
    await this.choose(this.span);
    if (asOf === null) setInterval(this.refresh, REFRESH_MS);
  }

  /** @param {string} span */
  async choose(span) {
    this.span = span;
    for (const button of this.spanButtons.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.span === span));
    }
    await this.refresh();
  }

  /** Read and show everything; once the page shows numbers, a failed reading leaves them there. */
  async read() {
    try {
      const present = asOf === null ? Promise.all([get("/status"), exporterState()]) : null;
      const past = Promise.all([get("/stats"), get("/dashboard", { span: this.span })]);
      const [[stats, dashboard], services] = await Promise.all([past, present]);
      this.showNumbers(stats, dashboard);
      if (services) this.showServices(stats, dashboard, ...services);
    } catch (error) {
      if (!this.hero.firstChild) throw error;
    }
  }

  /**
   * @param {Stats} stats
   * @param {Dashboard} dashboard
   */
  showNumbers(stats, dashboard) {
    put(this.hero, readiness(stats, dashboard));
    this.funnel.show(funnelList(stats.funnel, dashboard.last_export));
    this.waiting.show(waitingBars(dashboard.waiting, stats.review_queue, stats.total));
    this.time.show(timeline(dashboard.timeline));
    this.sources.show(sourceBars(stats.by_source));
    this.relevance.show(relevanceBars(stats.relevance));
    this.topics.show(topicList(dashboard.topics));
    this.corrections.show(correctionList(dashboard.corrections));
  }

  /**
   * @param {Stats} stats
   * @param {Dashboard} dashboard
   * @param {Status} status
   * @param {Exporter | null} exporter
   */
  showServices(stats, dashboard, status, exporter) {
    const badge = h("span", { class: "badge" }, number(stats.review_queue));
    const queue = link("/review", { class: "button primary" }, "Review queue ", badge);
    this.hero.append(operations(stats, dashboard, exporter, this.me, queue));
    this.health.show(healthList(status, dashboard, exporter));
  }
}

/** A card with a title, something beside it, and a body that is filled later. */
class Card {
  /**
   * @param {string} name
   * @param {string} title
   * @param {...Child} beside
   */
  constructor(name, title, ...beside) {
    const heading = h("h2", { id: `${name}-title` }, title);
    this.body = h("div", { class: "body is-read" });
    this.element = h(
      "section",
      { class: `card ${name}`, "aria-labelledby": heading.id },
      h("header", {}, heading, beside),
      this.body,
    );
  }

  /** @param {Child} content */
  show(content) {
    put(this.body, content);
  }
}

function queueLink() {
  if (asOf === null) return link("/review", { class: "more-link" }, "Open the queue");
  return link(address("/examples", { stage: "waiting" }), { class: "more-link" }, "What waited");
}

function correctionsLink() {
  return link(address("/examples", { stage: "corrections" }), { class: "more-link" }, "All corrections");
}

/**
 * How many examples are ready, and how many the next training takes.
 *
 * @param {Stats} stats
 * @param {Dashboard} dashboard
 */
function readiness(stats, { training }) {
  const ready = stats.funnel.unique;
  const milestone = { at: training.at, words: `train from ${number(training.at)}` };
  return h(
    "div",
    { class: "ready" },
    h(
      "p",
      { class: "headline" },
      h("strong", {}, number(ready)),
      " ",
      h("span", {}, `${ready === 1 ? "example" : "examples"} ready to train`),
    ),
    h(
      "p",
      { class: "share" },
      `${percent(ready, training.goal)} of ${number(training.goal)}`,
      h("span", { class: "quiet" }, ` · ${number(stats.total)} collected`),
    ),
    progress({ now: ready, goal: training.goal, milestone }, "Examples ready to train"),
  );
}

/** @param {Timeline} numbers */
function timeline(numbers) {
  if (numbers.steps.length) return timelineChart(numbers);
  return emptyState("Nothing has happened yet", "Captures and decisions appear here as they are said.");
}
