/** Review: one example at a time, decided in seconds, keyboard first, never on something that has changed unseen. */

import { get, post } from "./api.js";
import { openBulk } from "./bulk.js";
import { address, h, key, link, put } from "./dom.js";
import { contradiction, facts, history, isShort, nothing, texts, title, verdict } from "./example.js";
import { help, listen, show } from "./keys.js";
import { following } from "./live.js";
import { difference, line } from "./texts.js";
import { toast } from "./toast.js";
import { WHY, ago, count, number, plain } from "./words.js";

const FILTERS = ["why", "tag", "source", "project", "text"];
const PRESETS = [
  "Wrong or outdated",
  "Too vague to teach anything",
  "Not about roofing",
  "Holds private information",
  "Not how we do it",
];
const DONE = { approve: "Approved", reject: "Rejected", edit: "Edited and approved", redact: "Redacted" };

export async function draw(main, me) {
  await new Review(main, me).start();
}

class Review {
  constructor(main, me) {
    this.main = main;
    this.mayDecide = me.rights.includes("decide");
    this.filters = Object.fromEntries(
      FILTERS.map((name) => [name, new URLSearchParams(location.search).get(name) ?? ""]),
    );
    this.items = [];
    this.after = null;
    this.current = null;
    this.skipped = new Set();
    this.done = [];
    this.decided = 0;
    this.isBusy = false;
    this.turn = 0;
    this.facets = { tags: [], sources: [], projects: [] };
  }

  async start() {
    this.list = h("ol", { class: "queue", "aria-label": "What comes next" });
    this.chips = h("div", { class: "whys", role: "group", "aria-label": "Reason" });
    this.fields = h("div", { class: "filter-fields" });
    this.counted = h("p", { class: "queue-count", role: "status" });
    this.stage = h("article", { class: "stage-card", "aria-label": "The example under review" });
    this.bar = h("div", { class: "actions", role: "toolbar", "aria-label": "Decide" });
    this.commands = this.commandList();
    const filters = h("details", { class: "filters" }, h("summary", {}, "Filters"), this.chips, this.fields);
    filters.open = matchMedia("(min-width: 60rem)").matches || FILTERS.some((name) => this.filters[name]);
    put(
      this.main,
      h("h1", { class: "unseen" }, "Review queue"),
      h(
        "div",
        { class: "review" },
        h("aside", { class: "side", "aria-label": "Queue" }, filters, this.counted, this.list),
        h("div", { class: "desk" }, this.stage, this.bar),
      ),
    );
    listen(this.commands);
    this.facets = await get("/review/facets");
    this.drawFilters();
    await this.load();
    await this.openFirst();
    following(() => this.followed().catch(() => {}));
  }

  commandList() {
    return [
      { keys: ["a"], label: "Approve", run: () => this.approve() },
      { keys: ["r"], label: "Reject, with a reason", run: () => this.startReject() },
      { keys: ["e"], label: "Edit the answer and approve it", run: () => this.startEdit() },
      { keys: ["s"], label: "Skip for now", run: () => this.skip() },
      { keys: ["u"], label: "Undo the last decision", run: () => this.undo() },
      { keys: ["p"], label: "Redact the personal data", run: () => this.redact() },
      { keys: ["j", "ArrowDown"], label: "Next in the queue", run: () => this.step(1) },
      { keys: ["k", "ArrowUp"], label: "Previous in the queue", run: () => this.step(-1) },
      { keys: ["b"], label: "Approve everything with a tag", run: () => this.bulk() },
      { keys: ["/"], label: "Search", run: () => this.search() },
      {
        keys: ["o"],
        label: "Open the example's own page",
        run: () => this.current && location.assign(`/examples/${encodeURIComponent(this.current.example_id)}`),
      },
      { keys: ["Escape"], label: "Leave what you are doing", run: () => this.look() },
      { keys: ["?"], label: "This help", run: () => help(this.commands) },
    ];
  }

  /* The queue */

  async load() {
    const page = await this.page(null);
    this.items = page.items;
    this.after = page.after;
    this.drawQueue(page);
  }

  /** A page of the queue; a search that has paused goes on until there is something to look at. */
  async page(after) {
    let page = await get("/review", { ...this.filters, after });
    const items = [...page.items];
    while (this.filters.text && page.after && items.length < 20) {
      put(this.counted, `Searching … ${count(items.length, "match", "matches")} so far`);
      page = await get("/review", { ...this.filters, after: page.after });
      items.push(...page.items);
    }
    return { ...page, items };
  }

  async followed() {
    if (this.isBusy) return;
    if (!this.filters.text) await this.load();
    await this.watch();
    if (this.isEmpty && this.items.length) await this.openFirst();
  }

  async openFirst() {
    const open = this.items.find(({ example_id: id }) => !this.skipped.has(id)) ?? this.items[0];
    if (open) await this.open(open.example_id);
    else this.drawEmpty();
  }

  async open(id) {
    const turn = (this.turn += 1);
    this.current = null;
    const [example, told] = await Promise.all([
      get(`/review/${encodeURIComponent(id)}`),
      get(`/examples/${encodeURIComponent(id)}/history`),
    ]);
    const doubts = example.personal_data.length + example.flags.length > 0;
    const [proposal, other] = await Promise.all([
      doubts && this.mayDecide ? get(`/examples/${encodeURIComponent(id)}/redaction`).catch(() => null) : null,
      example.contradicts ? get(`/examples/${encodeURIComponent(example.contradicts)}`).catch(() => null) : null,
    ]);
    if (turn !== this.turn) return;
    Object.assign(this, { current: example, told: told.facts, proposal, other, changed: null });
    this.isEmpty = false;
    this.look();
    this.mark();
  }

  /** See whether somebody else has said something about what is on the screen. */
  async watch() {
    const { current } = this;
    if (!current) return;
    const now = await get(`/examples/${encodeURIComponent(current.example_id)}`);
    if (this.current !== current || now.revision === current.revision || this.changed === now.revision) return;
    this.changed = now.revision;
    const { facts: told } = await get(`/examples/${encodeURIComponent(current.example_id)}/history`);
    const since = told.filter(({ seq }) => seq > current.revision).at(-1);
    const notice = h(
      "div",
      { class: "notice is-warn", role: "status" },
      h("p", {}, h("b", {}, "Changed while you look at it. "), since?.told ?? "Something was said about it."),
      h(
        "button",
        { type: "button", class: "secondary", onclick: () => this.open(current.example_id) },
        "Show it as it is now",
      ),
    );
    this.stage.querySelector(".notice")?.remove();
    this.stage.prepend(notice);
  }

  /* What is on the screen */

  drawFilters() {
    const select = (name, words, values) => {
      const known = values.some((value) => value.name === this.filters[name]) || !this.filters[name];
      const options = known ? values : [{ name: this.filters[name], waiting: 0 }, ...values];
      const element = h(
        "select",
        { id: `filter-${name}` },
        h("option", { value: "" }, `Any ${words}`),
        options.map((value) =>
          h(
            "option",
            { value: value.name },
            `${name === "source" ? plain(value.name) : value.name} (${number(value.waiting)})`,
          ),
        ),
      );
      element.value = this.filters[name];
      element.addEventListener("change", () => this.filter({ [name]: element.value }));
      return h("div", { class: "field" }, h("label", { for: element.id, class: "unseen" }, words), element);
    };
    this.searchField = h("input", {
      type: "search",
      id: "filter-text",
      placeholder: "Search the texts",
      maxlength: 200,
      value: this.filters.text,
    });
    const more = h(
      "details",
      { class: "more-filters" },
      h("summary", {}, "Tag, source, project"),
      select("tag", "tag", this.facets.tags),
      select("source", "source", this.facets.sources),
      select("project", "project", this.facets.projects),
    );
    more.open = Boolean(this.filters.tag || this.filters.source || this.filters.project);
    const form = h(
      "form",
      { class: "field", role: "search" },
      h("label", { for: "filter-text", class: "unseen" }, "Search the texts"),
      this.searchField,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.searchField.blur();
      this.filter({ text: this.searchField.value.trim() });
    });
    this.searchField.addEventListener(
      "search",
      () => !this.searchField.value && this.filters.text && this.filter({ text: "" }),
    );
    this.searchField.addEventListener("keydown", (event) => event.key === "Escape" && this.searchField.blur());
    put(
      this.fields,
      form,
      more,
      this.mayDecide &&
        h("button", { type: "button", class: "secondary wide", onclick: () => this.bulk() }, "Approve by tag …"),
      FILTERS.some((name) => this.filters[name]) &&
        h(
          "button",
          {
            type: "button",
            class: "quiet-button wide",
            onclick: () => this.filter(Object.fromEntries(FILTERS.map((name) => [name, ""]))),
          },
          "Clear the filters",
        ),
    );
  }

  async filter(chosen) {
    Object.assign(this.filters, chosen);
    window.history.replaceState(null, "", address("/review", this.filters));
    this.drawFilters();
    await this.load();
    await this.openFirst();
  }

  drawQueue({ by_reason: reasons, total, matching }) {
    const chip = (why, words, n) =>
      h(
        "button",
        {
          type: "button",
          class: "why-chip",
          "aria-pressed": String(this.filters.why === why),
          onclick: () => this.filter({ why }),
        },
        h("span", {}, words),
        h("span", { class: "n" }, number(n)),
      );
    put(
      this.chips,
      chip("", "All", total),
      Object.entries(reasons).map(([why, n]) => (n || this.filters.why === why) && chip(why, WHY[why], n)),
    );
    const shown = matching ?? this.items.length;
    const tail = this.decided ? ` · ${number(this.decided)} decided by you` : "";
    put(
      this.counted,
      matching === null
        ? `${count(shown, "match", "matches")}${this.after ? " so far" : ""}`
        : `${number(shown)} waiting`,
      tail,
    );
    put(
      this.list,
      this.items.map((item) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "queue-item",
              "data-id": item.example_id,
              onclick: () => this.open(item.example_id),
            },
            h("span", { class: `pip is-${item.why}`, title: WHY[item.why] }),
            line(item.prompt, { class: "prompt" }),
            h(
              "span",
              { class: "about" },
              WHY[item.why],
              this.skipped.has(item.example_id) && h("span", { class: "state" }, "skipped"),
              h("span", {}, ago(item.occurred_at)),
            ),
          ),
        ),
      ),
      this.after && h("li", {}, h("button", { type: "button", class: "more", onclick: () => this.more() }, "More")),
    );
    this.mark();
  }

  async more() {
    const page = await this.page(this.after);
    this.items.push(...page.items);
    this.after = page.after;
    this.drawQueue(page);
  }

  mark() {
    for (const button of this.list.querySelectorAll(".queue-item")) {
      const isCurrent = button.dataset.id === this.current?.example_id;
      button.setAttribute("aria-current", String(isCurrent));
      if (isCurrent) button.scrollIntoView({ block: "nearest" });
    }
  }

  drawEmpty() {
    this.current = null;
    this.isEmpty = true;
    const isFiltered = FILTERS.some((name) => this.filters[name]);
    put(
      this.stage,
      isFiltered
        ? nothing("Nothing waits behind these filters", "Clear them to see the whole queue.")
        : nothing(
            "The queue is empty",
            "Everything that needs a person has been decided. New examples appear here as they arrive.",
            h("br"),
            link("/", {}, "Back to the dashboard"),
          ),
    );
    put(this.bar);
  }

  /** The example, with the commands that may be given. */
  look() {
    const { current: example } = this;
    if (!example) return;
    const spans = this.proposal?.found ?? [];
    put(
      this.stage,
      h(
        "header",
        {},
        h(
          "p",
          { class: "place" },
          example.why ? h("span", { class: `pip is-${example.why}` }) : null,
          h("b", {}, example.why ? WHY[example.why] : "Not in the queue"),
          example.because ? ` — ${example.because.join("; ")}` : "",
        ),
        title(example, spans),
        verdict(example),
      ),
      this.personal(),
      ...texts(example, spans, { isTitled: isShort(example.prompt), isCompared: Boolean(this.other) }),
      this.other && contradiction(example, this.other),
      h(
        "div",
        { class: "beside" },
        h("section", {}, h("h3", {}, "About it"), facts(example)),
        h("section", {}, h("h3", {}, "History"), history(this.told)),
      ),
    );
    this.drawBar();
    this.stage.querySelector(".stage-title").focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }

  personal() {
    const found = (this.proposal?.found ?? []).filter((span) => !span.is_guess);
    const guesses = (this.proposal?.found ?? []).filter((span) => span.is_guess);
    if (!found.length && !guesses.length) return null;
    const kinds = (spans) => [...new Set(spans.map(({ kind }) => kind.replaceAll("_", " ")))].join(", ");
    return h(
      "div",
      { class: "notice is-personal" },
      h(
        "p",
        {},
        found.length
          ? [h("b", {}, `Personal data: ${kinds(found)}. `), "It is not trained on until it is redacted. "]
          : null,
        guesses.length ? `To look at: ${kinds(guesses)}.` : null,
      ),
      found.length && this.mayDecide
        ? h("button", { type: "button", class: "secondary", onclick: () => this.redact() }, "Redact ", key("P"))
        : null,
    );
  }

  drawBar() {
    if (!this.mayDecide) return put(this.bar, h("p", { class: "quiet" }, "Your role looks and changes nothing."));
    const button = (name, words, tone, run) =>
      h("button", { type: "button", class: tone, onclick: run }, words, " ", key(name));
    return put(
      this.bar,
      button("A", "Approve", "approve", () => this.approve()),
      button("R", "Reject", "reject", () => this.startReject()),
      button("E", "Edit", "secondary", () => this.startEdit()),
      button("S", "Skip", "secondary", () => this.skip()),
      h("span", { class: "gap" }),
      this.done.length ? button("U", "Undo", "quiet-button", () => this.undo()) : null,
      h("button", { type: "button", class: "quiet-button", onclick: () => help(this.commands) }, "Keys ", key("?")),
    );
  }

  /* Decisions */

  approve() {
    return this.decide("approve", {});
  }

  startReject() {
    if (!this.current || !this.mayDecide) return;
    const reason = h("input", {
      id: "reason",
      maxlength: 1000,
      autocomplete: "off",
      "aria-describedby": "reason-help",
    });
    const submit = (text) => text.trim() && this.decide("reject", { reason: text.trim() });
    reason.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.leave();
      const preset = !reason.value && PRESETS[Number(event.key) - 1];
      if (preset) {
        event.preventDefault();
        submit(preset);
      }
    });
    const form = h(
      "form",
      { class: "reject-form" },
      h("label", { for: "reason" }, "Why must it not be trained on?"),
      h(
        "div",
        { class: "line" },
        reason,
        h("button", { class: "reject" }, "Reject ", key("Enter")),
        h("button", { type: "button", class: "quiet-button", onclick: () => this.leave() }, "Cancel ", key("Esc")),
      ),
      h(
        "div",
        { class: "presets" },
        h("span", { id: "reason-help", class: "quiet" }, "Write a reason, or press its number:"),
        PRESETS.map((words, n) =>
          h("button", { type: "button", class: "preset", onclick: () => submit(words) }, key(n + 1), " ", words),
        ),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(reason.value);
    });
    put(this.bar, form);
    reason.focus();
  }

  startEdit() {
    const { current: example } = this;
    if (!example || !this.mayDecide) return;
    const draft = `draft ${example.example_id}`;
    const answer = h("textarea", {
      id: "answer",
      rows: 12,
      dir: "auto",
      spellcheck: "true",
      value: sessionStorage.getItem(draft) ?? example.response,
    });
    const reason = h("input", {
      id: "edit-reason",
      maxlength: 1000,
      autocomplete: "off",
      placeholder: "What was wrong? (optional)",
    });
    const preview = h("div", { class: "edit-preview", "aria-live": "off" });
    const redraw = () =>
      put(
        preview,
        answer.value === example.response
          ? h("p", { class: "quiet" }, "Nothing is changed yet.")
          : difference(example.response, answer.value),
      );
    const save = () => {
      if (!answer.value.trim() || answer.value === example.response)
        return toast("Nothing is changed: approve it as it is.", { isBad: true });
      return this.decide("edit", { response: answer.value, reason: reason.value.trim() || null }).then(() =>
        sessionStorage.removeItem(draft),
      );
    };
    let timer;
    answer.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => (redraw(), sessionStorage.setItem(draft, answer.value)), 150);
    });
    const keys = (event) => {
      if (event.key === "Escape") this.leave();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        save();
      }
    };
    const form = h(
      "form",
      { class: "edit-form" },
      h("label", { for: "answer" }, "The answer as it should be"),
      answer,
      h("label", { for: "edit-reason", class: "unseen" }, "What was wrong?"),
      reason,
      h("h3", {}, "What you change"),
      preview,
    );
    form.addEventListener("keydown", keys);
    form.addEventListener("submit", (event) => event.preventDefault());
    put(
      this.stage,
      h(
        "header",
        {},
        h("p", { class: "place" }, h("b", {}, "Edit and approve")),
        h("h2", { class: "stage-title" }, line(example.prompt.slice(0, 300))),
      ),
      form,
    );
    put(
      this.bar,
      h("button", { type: "button", class: "approve", onclick: save }, "Save and approve ", key("Ctrl"), key("Enter")),
      h("button", { type: "button", class: "quiet-button", onclick: () => this.leave() }, "Cancel ", key("Esc")),
    );
    redraw();
    answer.focus();
  }

  leave() {
    this.look();
  }

  async redact() {
    const { current: example, proposal } = this;
    if (!example || !this.mayDecide) return;
    if (!proposal?.found.some((span) => !span.is_guess)) {
      toast("The rules find no personal data in it. A guess is yours to judge: edit the answer, or approve it.");
      return;
    }
    const before = { prompt: example.prompt, response: example.response };
    if (example.original_response !== null) before.original_response = example.original_response;
    await this.say("redact", example, {}, async ({ seq }) => {
      this.done.push({ kind: "redact", id: example.example_id, revision: seq, before });
      await this.open(example.example_id);
      this.announce("redact");
    });
  }

  async decide(kind, body) {
    const { current: example } = this;
    if (!example || !this.mayDecide) return;
    await this.say(kind, example, body, async (answer) => {
      this.done.push({ kind, id: answer.correction_id ?? example.example_id, revision: answer.seq });
      this.decided += 1;
      await this.next(example.example_id);
      this.announce(kind);
    });
  }

  /** Say a decision on what was seen; a refusal tells what somebody else did. One at a time. */
  say(kind, example, body, then) {
    if (!this.isBusy) this.saying = this.sayNow(kind, example, body, then);
    return this.saying;
  }

  async sayNow(kind, example, body, then) {
    this.isBusy = true;
    this.bar.setAttribute("aria-busy", "true");
    try {
      await then(
        await post(`/examples/${encodeURIComponent(example.example_id)}/${kind}`, {
          revision: example.revision,
          ...body,
        }),
      );
    } catch (problem) {
      if (problem.code === "stale_revision") this.refused(kind, example, problem);
      else toast(problem.message, { isBad: true });
    } finally {
      this.isBusy = false;
      this.bar.removeAttribute("aria-busy");
    }
  }

  refused(kind, example, { details }) {
    const since = details.since?.length ? details.since : [];
    const dialog = h(
      "dialog",
      { class: "refused", "aria-labelledby": "refused-title" },
      h("h2", { id: "refused-title" }, `Not ${(DONE[kind] ?? "undone").toLowerCase()}: somebody was faster`),
      h("p", {}, "This was said after you opened the example, so your decision was not recorded:"),
      since.length ? history(since) : h("p", { class: "quiet" }, "The log knows no such revision."),
      h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, "Look at it again")),
    );
    dialog.addEventListener("close", () => this.open(example.example_id).catch(() => this.openFirst()));
    show(dialog);
  }

  announce(kind) {
    toast(DONE[kind], { action: { label: "Undo", keyName: "U", run: () => this.undo() } });
  }

  async undo() {
    await this.saying; // a hasty hand takes back what is just being said
    const last = this.done.pop();
    if (!last) return undefined;
    if (last.kind === "skip") {
      this.skipped.delete(last.id);
      return this.open(last.id);
    }
    const [path, body] =
      last.kind === "redact"
        ? ["redact", last.before]
        : ["reopen", { reason: `undone: ${DONE[last.kind].toLowerCase()} by mistake` }];
    return this.say(path, { example_id: last.id, revision: last.revision }, body, async () => {
      if (last.kind !== "redact") this.decided -= 1;
      this.skipped.delete(last.id);
      toast(last.kind === "edit" ? "Undone: your answer waits for review again." : "Undone.");
      await this.load();
      await this.open(last.id);
    });
  }

  skip() {
    if (!this.current) return;
    const id = this.current.example_id;
    this.skipped.add(id);
    this.done.push({ kind: "skip", id });
    this.step(1);
  }

  /** What comes after an example that was decided. */
  async next(id) {
    const at = this.items.findIndex((item) => item.example_id === id);
    const rest = [...this.items.slice(at + 1), ...this.items.slice(0, Math.max(at, 0))];
    const open = rest.find((item) => !this.skipped.has(item.example_id)) ?? rest[0];
    if (at >= 0) this.items.splice(at, 1);
    if (!open) {
      await this.load();
      await this.openFirst();
      return;
    }
    await this.open(open.example_id);
    await this.load();
  }

  async step(by) {
    const at = this.items.findIndex((item) => item.example_id === this.current?.example_id);
    if (at + by >= this.items.length && this.after) await this.more();
    const to = this.items[Math.max(0, Math.min(this.items.length - 1, at + by))];
    if (to && to.example_id !== this.current?.example_id) this.open(to.example_id);
  }

  search() {
    this.main.querySelector(".filters").open = true;
    this.searchField.select();
    this.searchField.focus();
  }

  bulk() {
    if (!this.mayDecide) return;
    openBulk(this.facets.tags, this.filters.tag, async () => {
      this.facets = await get("/review/facets");
      this.drawFilters();
      await this.load();
      await this.openFirst();
    });
  }
}
