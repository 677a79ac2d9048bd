/** The settings of a policy: a form that explains and edits them, as the server describes them. */

import { h } from "../dom.js";
import { plain } from "../words.js";

/** @import { Setting, SettingsSection, Settings } from "../../answers.d.ts" */
/** @import { Child } from "../dom.js" */

/** @typedef {{ element: HTMLElement, read: () => unknown }} Field */
/** @typedef {{ element: HTMLElement, edit: (policy: Settings) => void }} Part */

/** Characters of a list from which its field takes a line of its own. */
const LONG = 24;

/**
 * The words for every setting, which is named by its section and its own name.
 *
 * @param {SettingsSection[]} sections
 * @returns {Map<string, string>}
 */
export function settingLabels(sections) {
  return new Map(
    sections.flatMap(({ name, settings }) => settings.map((setting) => [`${name}.${setting.name}`, setting.title])),
  );
}

/**
 * A section of the policy that holds; `edit` writes what the form has into a policy.
 *
 * @param {SettingsSection} section
 * @param {Record<string, unknown> | undefined} values what the policy has in it; undefined where it leaves it out
 * @returns {Part}
 */
export function settingsPart(section, values) {
  const { name, title, text, is_optional: isOptional, settings } = section;
  const fields = settings.map((setting) => ({
    setting,
    field: settingField(`${name}-${setting.name}`, setting, values?.[setting.name] ?? setting.unless_given),
  }));
  const isOn = h("input", { type: "checkbox", id: `${name}-on`, checked: values !== undefined });
  const inner = h(
    "fieldset",
    { class: "settings", disabled: values === undefined },
    fields.map(({ field }) => field.element),
  );
  isOn.addEventListener("change", () => {
    inner.disabled = !isOn.checked;
  });
  const edit = (/** @type {Settings} */ policy) => {
    if (isOptional && !isOn.checked) {
      delete policy[name];
      return;
    }
    policy[name] = {
      ...policy[name],
      ...Object.fromEntries(fields.map(({ setting, field }) => [setting.name, field.read()])),
    };
  };
  const choice = isOptional && h("div", { class: "check" }, isOn, labelFor(isOn.id, "Part of the policy"));
  const element = h(
    "fieldset",
    { class: "section" },
    h("legend", {}, title),
    h("p", { class: "quiet small" }, text),
    choice,
    inner,
  );
  return { element, edit };
}

/**
 * @param {string} id
 * @param {Setting} setting
 * @param {unknown} value
 * @returns {Field}
 */
function settingField(id, setting, value) {
  const note = h("p", { class: "quiet small", id: `${id}-note` }, setting.text);
  const about = { id, "aria-describedby": note.id };
  switch (setting.kind) {
    case "flag": {
      const box = h("input", { ...about, type: "checkbox", checked: value === true });
      const element = h("div", { class: "flag" }, h("div", { class: "check" }, box, labelFor(id, setting.title)), note);
      return { element, read: () => box.checked };
    }
    case "number": {
      const limits = { min: setting.lowest, max: setting.highest };
      const input = textInput(about, String(value), { ...limits, type: "number", step: "any", required: true });
      return { element: row("setting", setting, input, note), read: () => Number(input.value) };
    }
    case "choice": {
      const options = setting.choices.map((name) =>
        h("option", { value: String(name), selected: name === value }, plain(String(name))),
      );
      const select = h("select", about, options);
      return { element: row("setting", setting, select, note), read: () => setting.choices[select.selectedIndex] };
    }
    case "choices":
      return choicesField(id, setting, listed(value), note);
    case "texts": {
      const input = textInput(about, listed(value).join(", "));
      const tone = input.value.length > LONG ? "setting is-wide" : "setting is-double";
      return { element: row(tone, setting, input, note), read: () => parted(input.value, ",") };
    }
    case "pairs": {
      const lines = Object.entries(value ?? {}).map(([from, to]) => `${from} = ${to}`);
      const area = h("textarea", { ...about, rows: Math.min(8, lines.length + 2) }, lines.join("\n"));
      return { element: row("setting is-wide", setting, area, note), read: () => pairs(area.value) };
    }
    default: {
      const input = textInput(about, String(value));
      return { element: row("setting is-wide", setting, input, note), read: () => input.value };
    }
  }
}

/**
 * @param {string} id
 * @param {Setting} setting
 * @param {string[]} chosen
 * @param {HTMLElement} note
 * @returns {Field}
 */
function choicesField(id, { title, choices }, chosen, note) {
  const boxes = choices.map((name) => {
    const box = h("input", { type: "checkbox", id: `${id}-${name}`, checked: chosen.includes(String(name)) });
    return { name, box, element: h("div", { class: "check" }, box, labelFor(box.id, plain(String(name)))) };
  });
  const element = h(
    "div",
    { class: "choices", role: "group", "aria-label": title, "aria-describedby": note.id },
    h("b", {}, title),
    note,
    h(
      "div",
      { class: "boxes" },
      boxes.map((box) => box.element),
    ),
  );
  return { element, read: () => boxes.filter(({ box }) => box.checked).map(({ name }) => name) };
}

/**
 * An input; a reset of its form restores this value.
 *
 * @param {import("../dom.js").Attributes} about
 * @param {string} value
 * @param {import("../dom.js").Attributes} attributes
 */
function textInput(about, value, attributes = {}) {
  const input = h("input", { ...about, ...attributes, value });
  input.defaultValue = value;
  return input;
}

/**
 * @param {string} tone
 * @param {Setting} setting
 * @param {HTMLElement} input
 * @param {Child} note
 */
function row(tone, { title }, input, note) {
  return h("div", { class: tone }, labelFor(input.id, title), input, note);
}

/**
 * @param {string} id
 * @param {string} label
 */
function labelFor(id, label) {
  return h("label", { for: id }, label);
}

/**
 * @param {unknown} value
 * @returns {string[]}
 */
function listed(value) {
  return Array.isArray(value) ? value.map(String) : [];
}

/**
 * @param {string} text
 * @param {string} separator
 */
export function parted(text, separator) {
  return text
    .split(separator)
    .map((item) => item.trim())
    .filter(Boolean);
}

/** @param {string} text lines of a name, = and what it stands for */
function pairs(text) {
  return Object.fromEntries(
    parted(text, "\n").map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
