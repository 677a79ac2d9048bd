/** Quarantine: messages that could not be folded, whole, each with the reason. */

import { get } from "./api.js";
import { address, h, link, put } from "./dom.js";
import { nothing } from "./example.js";
import { following } from "./live.js";
import { bytes, count, number, plain } from "./words.js";

export async function draw(main) {
  const category = new URLSearchParams(location.search).get("category");
  const told = h("p", { class: "quiet" });
  const kinds = h("div", { class: "whys" });
  const list = h("ul", { class: "rows" });
  const more = h("div", { class: "page-more" });
  put(
    main,
    h("div", { class: "page-title" }, h("h1", {}, "Quarantine"), told),
    kinds,
    h("div", { class: "card" }, list, more),
  );
  const show = async (before) => {
    const page = await get("/quarantine", { category, before });
    const total = Object.values(page.by_category).reduce((sum, n) => sum + n, 0);
    put(
      told,
      total
        ? `${count(total, "message")} on the log could not be folded. They are kept whole and can be folded after an upgrade.`
        : "",
    );
    put(
      kinds,
      total
        ? Object.entries({ "": total, ...page.by_category }).map(([name, n]) =>
            link(
              address("/quarantine", { category: name }),
              { class: "button why-chip", "aria-current": (category ?? "") === name ? "true" : null },
              name ? plain(name) : "All",
              " ",
              h("span", { class: "n" }, number(n)),
            ),
          )
        : null,
    );
    if (before === null) put(list);
    list.append(...page.items.map(entry));
    if (!list.children.length)
      put(list, h("li", {}, nothing("The quarantine is empty", "Every message on the log could be read and folded.")));
    put(
      more,
      page.before === null ? null : h("button", { type: "button", onclick: () => show(page.before) }, "Show more"),
    );
  };
  await show(null);
  following(async () => {
    if (list.children.length <= 50) await show(null).catch(() => {});
  });
}

function entry({ seq, subject, category, reason, bytes: size, data }) {
  return h(
    "li",
    { class: "quarantined" },
    h(
      "p",
      {},
      h("b", {}, `#${number(seq)} `),
      h("span", { class: "state is-bad" }, plain(category)),
      " ",
      h("span", { class: "quiet mono" }, subject),
    ),
    h("p", { dir: "auto" }, reason),
    size
      ? h(
          "details",
          {},
          h("summary", {}, `Its bytes (${bytes(size)})`),
          h("pre", { dir: "auto" }, data, size > 2000 ? " …" : ""),
        )
      : h("p", { class: "quiet" }, "Its bytes were erased."),
  );
}
