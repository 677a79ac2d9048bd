/** The settings of a policy: their labels, and a form that edits them. */

import { h } from "../dom.js";
import { plain } from "../words.js";

/** @import { Settings } from "../../answers.d.ts" */
/** @import { Child } from "../dom.js" */

/** @typedef {{ element: HTMLElement, read: () => unknown }} Field */

/** @type {Record<string, string>} */
const LABELS = {
  "filters.min_prompt_chars": "Shortest prompt (characters)",
  "filters.min_response_chars": "Shortest answer (characters)",
  "filters.min_relevance": "Lowest relevance",
  "filters.excluded_sources": "Sources left out",
  "filters.exclude_personal_data": "Leave out personal data",
  "approval.positive_feedback": "Thumbs up approves",
  "approval.trusted_sources": "Trusted sources",
  "approval.used_documents": "Used documents with changes",
  "review.new_topic_below": "A topic is new below (examples)",
  "review.borderline": "Borderline within (score)",
  "relevance.high": "High from (score)",
  "relevance.medium": "Medium from (score)",
  "relevance.context": "Least context (score)",
  "duplicates.near": "Near-duplicates count",
  "duplicates.threshold": "Near from (similarity)",
  "duplicates.contradictions": "Look for contradictions",
  "export.system": "System text of every line",
  "export.min_examples": "Smallest export (examples)",
  "export.eval_share": "Share kept for evaluation",
  "export.changed_examples": "Export after changes (rows)",
  "export.max_age_minutes": "Export after (minutes)",
  "export.keep_versions": "Versions kept",
  "training.at": "Train from (examples)",
  "training.new_examples": "New since the last training",
  "training.goal": "Goal of the dashboard",
};

/** Sections that the form edits; a lexicon of hundreds of terms is edited in a file. */
const EDITED_SECTIONS = ["filters", "approval", "review", "relevance", "duplicates", "export", "training"];
const RELEVANCES = ["low", "medium", "high"];

/**
 * The words for a setting, which is named by its section and its own name.
 *
 * @param {string} setting
 */
export function settingLabel(setting) {
  return LABELS[setting] ?? plain(setting);
}

/**
 * Fieldsets for the settings of a policy; `edit` writes their values into a copy of that policy.
 *
 * @param {Settings} settings
 */
export function settingsFields(settings) {
  /** @type {{ section: string, name: string, field: Field }[]} */
  const fields = [];
  const sections = EDITED_SECTIONS.filter((section) => settings[section]);
  const fieldsets = sections.map((section) => {
    const elements = Object.entries(settings[section]).map(([name, value]) => {
      const label = LABELS[`${section}.${name}`] ?? plain(name);
      const field = settingField(`${section}-${name}`, label, value);
      fields.push({ section, name, field });
      return field.element;
    });
    return h("fieldset", {}, h("legend", {}, plain(section)), elements);
  });
  const edit = (/** @type {Settings} */ policy) => {
    for (const { section, name, field } of fields) policy[section][name] = field.read();
  };
  return { fieldsets, edit };
}

/**
 * A field for a setting; the type of the value says which.
 *
 * @param {string} id
 * @param {string} label
 * @param {unknown} value
 * @returns {Field}
 */
function settingField(id, label, value) {
  if (typeof value === "boolean") {
    const box = h("input", { type: "checkbox", id, checked: value });
    return { element: h("div", { class: "check" }, box, labelFor(id, label)), read: () => box.checked };
  }
  if (typeof value === "number") {
    const input = textInput(id, String(value), { type: "number", min: 0, step: "any", required: true });
    return { element: settingRow("setting", id, label, input), read: () => Number(input.value) };
  }
  if (Array.isArray(value)) {
    const input = textInput(id, value.join(", "));
    return { element: settingRow("setting is-double", id, label, input), read: () => listOf(input.value) };
  }
  if (RELEVANCES.includes(String(value))) {
    const options = RELEVANCES.map((name) => h("option", { value: name, selected: name === value }, name));
    const select = h("select", { id }, options);
    return { element: settingRow("setting", id, label, select), read: () => select.value };
  }
  const input = textInput(id, String(value));
  return { element: settingRow("setting is-wide", id, label, input), read: () => input.value };
}

/**
 * An input; a reset of its form restores this value.
 *
 * @param {string} id
 * @param {string} value
 * @param {Record<string, string | number | boolean>} attributes
 */
function textInput(id, value, attributes = {}) {
  const input = h("input", { ...attributes, id, value });
  input.defaultValue = value;
  return input;
}

/**
 * @param {string} tone
 * @param {string} id
 * @param {string} label
 * @param {Child} input
 */
function settingRow(tone, id, label, input) {
  return h("div", { class: tone }, labelFor(id, label), input);
}

/**
 * @param {string} id
 * @param {string} label
 */
function labelFor(id, label) {
  return h("label", { for: id }, label);
}

/** @param {string} text values with commas between them */
function listOf(text) {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}
