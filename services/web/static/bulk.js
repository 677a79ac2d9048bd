/** Bulk approval by tag: first what it covers, then everything that is still ticked, each at the revision shown. */

import { get, post } from "./api.js";
import { exampleAddress, h, link, put } from "./dom.js";
import { show } from "./keys.js";
import { line } from "./texts.js";
import { toast } from "./toast.js";
import { WHY, count, number, plain } from "./words.js";

/** Open the preview of a tag; `done` is called once something was approved. */
export function openBulk(tags, chosen, done) {
  const list = h("ul", { class: "covered" });
  const told = h("p", { class: "quiet", role: "status" });
  const pick = h(
    "select",
    { id: "bulk-tag" },
    h("option", { value: "" }, "Choose a tag"),
    tags.map(({ name, waiting }) => h("option", { value: name }, `${name} (${number(waiting)})`)),
  );
  const approve = h("button", { type: "button", class: "primary", disabled: true }, "Approve");
  const dialog = h(
    "dialog",
    { class: "bulk", "aria-labelledby": "bulk-title" },
    h("h2", { id: "bulk-title" }, "Approve everything with a tag"),
    h("div", { class: "field" }, h("label", { for: "bulk-tag" }, "Tag"), pick),
    told,
    list,
    h(
      "div",
      { class: "buttons" },
      approve,
      h("button", { type: "button", class: "secondary", onclick: () => dialog.close() }, "Cancel"),
    ),
  );
  let boxes = [];
  const ticked = () =>
    boxes
      .filter(({ box }) => box.checked)
      .map(({ item }) => ({ example_id: item.example_id, revision: item.revision }));
  const counted = () => {
    const n = ticked().length;
    put(approve, n ? `Approve ${number(n)}` : "Approve");
    approve.disabled = n === 0;
  };
  const preview = async () => {
    boxes = [];
    put(list);
    counted();
    put(told, pick.value ? "Looking …" : "");
    if (!pick.value) return;
    const { items, total } = await get("/review/covered", { tag: pick.value });
    boxes = items.map((item) => ({ item, box: tick(item, counted) }));
    put(list, boxes.map(covered));
    const left =
      total > items.length ? ` This preview shows the newest ${number(items.length)}; the rest comes after them.` : "";
    const looks = items.filter((item) => item.looks.length).length;
    put(
      told,
      `${count(total, "example waits", "examples wait")} with this tag.${left}${looks ? ` ${count(looks, "is", "are")} not ticked: look at ${looks === 1 ? "it" : "them"} one by one.` : ""}`,
    );
    counted();
  };
  const fail = (problem) => put(told, problem.message);
  pick.addEventListener("change", () => preview().catch(fail));
  approve.addEventListener("click", async () => {
    approve.disabled = true;
    try {
      const { approved, refused } = await post("/decisions/approve", {
        items: ticked(),
        reason: `approved in bulk: ${pick.value}`,
      });
      dialog.close();
      const stale = refused.length
        ? ` ${count(refused.length, "was", "were")} refused, because somebody changed ${refused.length === 1 ? "it" : "them"} meanwhile.`
        : "";
      toast(`Approved ${number(approved.length)}.${stale}`, { isBad: refused.length > 0 });
      done();
    } catch (problem) {
      fail(problem);
      counted();
    }
  });
  show(dialog);
  if (chosen && tags.some(({ name }) => name === chosen)) {
    pick.value = chosen;
    preview().catch(fail);
    approve.focus();
  } else pick.focus();
}

function tick(item, counted) {
  const box = h("input", { type: "checkbox", id: `tick-${item.example_id}` });
  box.checked = item.looks.length === 0;
  box.addEventListener("change", counted);
  return box;
}

function covered({ item, box }) {
  const looks = item.looks.map((look) => h("span", { class: "state is-copper" }, plain(look)));
  const why = WHY[item.queue];
  return h(
    "li",
    {},
    box,
    h(
      "label",
      { for: box.id },
      line(item.prompt, { class: "prompt" }),
      line(item.response, { class: "response" }),
      h("span", { class: "about" }, looks.length ? looks : why),
    ),
    link(exampleAddress(item.example_id), { target: "_blank", rel: "noopener", class: "quiet" }, "Open"),
  );
}
