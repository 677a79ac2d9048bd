/** Replay: go back in time on the log, and see what had been said by then. */

import { get } from "./api.js";
import { exampleAddress, h, link, put } from "./dom.js";
import { nothing } from "./example.js";
import { onMoved } from "./live.js";
import { FACTS, moment, number, plain } from "./words.js";

const SHOWN = 50;
const LINKED = /^(example|feedback|correction)\./;
const COUNTED = [
  "captures",
  "corrections",
  "feedback",
  "approvals",
  "rejections",
  "reopened",
  "redactions",
  "erasures",
  "policies",
  "exports",
  "trainings",
  "quarantined",
];

export async function draw(main) {
  let { last_seq: last } = await get("/log", { limit: 1 });
  const slider = h("input", {
    type: "range",
    id: "seq",
    min: 0,
    max: last,
    step: 1,
    value: String(last),
    "aria-describedby": "moment",
  });
  slider.value = String(Math.min(last, Number(new URLSearchParams(location.search).get("seq") ?? last)));
  const time = h("input", { type: "datetime-local", id: "time", step: 1 });
  const told = h("p", { class: "moment", id: "moment", role: "status" });
  const numbers = h("dl", { class: "counted" });
  const lines = h("ol", { class: "log" });
  const play = h("button", { type: "button", class: "secondary" }, "Play");
  const whole = h(
    "button",
    { type: "button", class: "primary", onclick: () => location.assign(`/?as_of=${slider.value}`) },
    "See everything as it stood",
  );
  let turn = 0;
  let playing = null;

  const show = async () => {
    const mine = (turn += 1);
    const seq = Number(slider.value);
    const [counted, stretch] = await Promise.all([
      get("/log/counted", { seq }),
      get("/log", { after: Math.max(0, seq - SHOWN), limit: SHOWN }),
    ]);
    if (mine !== turn) return;
    const upTo = stretch.items.filter((item) => item.seq <= seq);
    put(
      told,
      last
        ? [
            h("b", {}, `Fact ${number(seq)}`),
            ` of ${number(last)}`,
            upTo.length ? `, received ${moment(upTo.at(-1).received_at)}` : "",
          ]
        : "",
    );
    put(
      numbers,
      COUNTED.map((name) =>
        h(
          "div",
          { class: counted.counts[name] ? "" : "is-none" },
          h("dt", {}, plain(name)),
          h("dd", {}, number(counted.counts[name])),
        ),
      ),
    );
    put(lines, upTo.length ? upTo.reverse().map(line) : h("li", {}, nothing("Nothing had been said yet")));
    window.history.replaceState(null, "", seq === last ? "/replay" : `/replay?seq=${seq}`);
  };
  const stop = () => {
    clearInterval(playing);
    playing = null;
    put(play, "Play");
  };
  const go = (seq) => {
    slider.value = String(Math.max(0, Math.min(last, seq)));
    return show();
  };
  play.addEventListener("click", () => {
    if (playing) return stop();
    if (Number(slider.value) === last) slider.value = "0";
    put(play, "Pause");
    const step = Math.max(1, Math.round(last / 100));
    playing = setInterval(() => {
      go(Number(slider.value) + step);
      if (Number(slider.value) >= last) stop();
    }, 250);
  });
  slider.addEventListener("input", () => show());
  time.addEventListener("change", async () => {
    if (!time.value) return;
    const { seq } = await get("/log/moment", { at: new Date(time.value).toISOString() });
    await go(seq);
  });
  const by = (n, words) =>
    h("button", { type: "button", class: "secondary", onclick: () => go(Number(slider.value) + n) }, words);
  put(
    main,
    h(
      "div",
      { class: "page-title" },
      h("h1", {}, "Replay"),
      h("p", { class: "quiet" }, "The log is the truth: every state follows from it. Go back to any moment."),
    ),
    h(
      "section",
      { class: "card replay", "aria-label": "Where on the log" },
      h("div", { class: "replay-head" }, told, whole),
      h("label", { for: "seq", class: "unseen" }, "Sequence on the log"),
      slider,
      h(
        "div",
        { class: "replay-buttons" },
        by(-1, "← One back"),
        play,
        by(1, "One on →"),
        h("span", { class: "gap" }),
        h("label", { for: "time" }, "At the time"),
        time,
      ),
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "by-then" },
      h("header", {}, h("h2", { id: "by-then" }, "Said by then")),
      h("div", { class: "body" }, numbers),
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "lines" },
      h("header", {}, h("h2", { id: "lines" }, `The ${SHOWN} facts before that moment`)),
      h("div", { class: "body" }, lines),
    ),
  );
  await show();
  onMoved(async () => {
    const atEnd = Number(slider.value) === last;
    const { last_seq: now } = await get("/log", { limit: 1 });
    last = now;
    slider.max = String(last);
    if (atEnd) await go(last);
  });
}

function line({ seq, type, told, actor, about, received_at: at }) {
  const who = type
    ? h("span", {}, h("b", {}, FACTS[type] ?? plain(type)), ` by ${actor}`)
    : h("span", { class: "state is-bad" }, told);
  return h(
    "li",
    {},
    h("span", { class: "seq quiet" }, `#${number(seq)}`),
    who,
    LINKED.test(type ?? "")
      ? link(exampleAddress(about), { class: "mono about-id" }, about)
      : h("span", { class: "mono quiet about-id" }, about.slice(0, 40)),
    h("time", { class: "quiet", datetime: at }, moment(at)),
  );
}
