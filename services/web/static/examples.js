/** Examples: lists behind every number of the dashboard, filtered and searched, the newest first. */

import { get } from "./api.js";
import { address, h, put } from "./dom.js";
import { nothing, row } from "./example.js";
import { onMoved } from "./live.js";
import { atThatMoment } from "./moment.js";
import { REASONS, count, number, plain } from "./words.js";

const FILTERS = ["text", "stage", "reason", "relevance", "source", "tag", "project"];
const STAGES = {
  training: "in the training set",
  waiting: "waiting for review",
  filtered: "past the filters",
  approved: "approved",
  corrections: "corrections",
};
const RELEVANCE = { high: "high", medium: "medium", low: "low" };

export async function draw(main) {
  const filters = Object.fromEntries(
    FILTERS.map((name) => [name, new URLSearchParams(location.search).get(name) ?? ""]),
  );
  const [stats, facets] = await Promise.all([get("/stats"), get("/review/facets")]);
  const told = h("p", { class: "quiet", role: "status" });
  const list = h("ul", { class: "rows card" });
  const more = h("div", { class: "page-more" });
  const fields = h("form", { class: "filter-row", role: "search", "aria-label": "Filter the examples" });
  let turn = 0;

  const show = async (before, had) => {
    const mine = (turn += 1);
    let page = { items: [], before, matching: null };
    const items = [];
    do {
      page = await get("/examples", { ...filters, before: page.before });
      if (mine !== turn) return;
      items.push(...page.items);
      put(
        told,
        page.matching === null
          ? `${count(had + items.length, "match", "matches")}${page.before === null ? "" : " so far"}`
          : count(page.matching, "example"),
      );
    } while (filters.text && page.before !== null && items.length < 25);
    if (!had) put(list);
    list.append(...items.map((item) => h("li", {}, row(item))));
    if (!list.children.length) put(list, h("li", {}, nothing("No example is like that", "Take a filter away.")));
    put(
      more,
      page.before === null
        ? null
        : h("button", { type: "button", onclick: () => show(page.before, had + items.length) }, "Show more"),
    );
  };
  const filter = (chosen) => {
    Object.assign(filters, chosen);
    window.history.replaceState(null, "", atThatMoment(address("/examples", filters)));
    put(fields, controls());
    return show(null, 0);
  };
  const select = (name, words, options) => {
    const known =
      filters[name] && !options.some(([value]) => value === filters[name])
        ? [[filters[name], filters[name]], ...options]
        : options;
    const element = h(
      "select",
      { id: `filter-${name}`, onchange: () => filter({ [name]: element.value }) },
      h("option", { value: "" }, words),
      known.map(([value, label]) => h("option", { value }, label)),
    );
    element.value = filters[name];
    return h("div", { class: "field" }, h("label", { for: element.id, class: "unseen" }, name), element);
  };
  const search = h("input", {
    type: "search",
    id: "filter-text",
    placeholder: "Search the texts",
    maxlength: 200,
    value: filters.text,
  });
  const controls = () => [
    h("div", { class: "field" }, h("label", { for: "filter-text", class: "unseen" }, "Search the texts"), search),
    select("stage", "Any stage", Object.entries(STAGES)),
    select(
      "reason",
      "Any reason",
      Object.entries(REASONS).map(([name, words]) => [name, `${words} (${number(stats.funnel.lost[name] ?? 0)})`]),
    ),
    select("relevance", "Any relevance", Object.entries(RELEVANCE)),
    select(
      "source",
      "Any source",
      stats.by_source.map(({ source, total }) => [source, `${plain(source)} (${number(total)})`]),
    ),
    select(
      "tag",
      "Any tag",
      stats.tags.map(({ tag, total }) => [tag, `${tag} (${number(total)})`]),
    ),
    select(
      "project",
      "Any project",
      facets.projects.map(({ name }) => [name, name]),
    ),
    FILTERS.some((name) => filters[name]) &&
      h(
        "button",
        {
          type: "button",
          class: "quiet-button",
          onclick: () => ((search.value = ""), filter(Object.fromEntries(FILTERS.map((name) => [name, ""])))),
        },
        "Clear",
      ),
  ];
  fields.addEventListener("submit", (event) => {
    event.preventDefault();
    filter({ text: search.value.trim() });
  });
  put(fields, controls());
  put(main, h("div", { class: "page-title" }, h("h1", {}, "Examples"), told), fields, list, more);
  const fresh = h(
    "button",
    { type: "button", class: "secondary", onclick: () => (fresh.remove(), show(null, 0)) },
    "Something has changed: show it",
  );
  let first = true;
  onMoved(() => {
    if (!first && !fresh.isConnected) told.after(fresh);
    first = false;
  });
  await show(null, 0);
}
