// An operation's options as a form: the presets as cards, the rest as the fields that the service names.

import { button, h } from "./dom.js";
import { operation as specOf } from "./service.js";
import { known, t } from "./words.js";

const FRONT = ["target_size", "color_mode"]; // the rest is unfolded by who wants it
const SUGGESTED = { target_size: ["10 MB", "2 MB"] };
let forms = 0;

// A form's elements, and `values()`: what was chosen, by option. `given` are the values to begin with, `expected` is
// called with a preset's name and says how large its result is, `without` names options that have a place of
// their own, `front` those that are not folded away. `changed` hears of every change, `submitted` of the Enter key.
export function optionsForm(operation, { given = {}, expected, without = [], front: first = FRONT, changed, submitted } = {}) {
  const spec = specOf(operation);
  const id = `options-${(forms += 1)}`;
  const fields = spec.fields.filter((field) => !without.includes(field.name));
  const preset = fields.find((field) => field.name === "preset");
  const rest = fields.filter((field) => field !== preset);
  const front = rest.filter((field) => first.includes(field.name) || !preset);
  const back = rest.filter((field) => !front.includes(field));
  const open = back.some((field) => given[field.name]);
  const form = h(
    "form.options",
    { onchange: changed, oninput: changed, onsubmit: (event) => (event.preventDefault(), submitted?.()) },
    preset && cards(preset, id, given.preset ?? spec.preset, expected),
    front.length > 0 && h("div.fields", {}, front.map((field) => control(field, id, given))),
    back.length > 0 &&
      h("details.more", { open }, h("summary", {}, t("options.more")), h("div.fields", {}, back.map((field) => control(field, id, given)))),
  );
  form.values = () => valuesOf(form);
  return form;
}

function cards(field, id, chosen, expected) {
  return h(
    "fieldset.presets",
    {},
    h("legend", {}, t("options.preset")),
    field.choices.map(({ value, words }) => {
      const bytes = expected?.(value);
      return h(
        "label.preset",
        {},
        h("input", { type: "radio", name: `${id}-preset`, value, checked: value === chosen, "data-option": "preset" }),
        h("b", {}, known(`preset.${value || "none"}`, words)),
        h("span", {}, known(`preset.${value || "none"}.note`, words)),
        bytes && h("span.expected", {}, bytes),
      );
    }),
  );
}

function control(field, id, given) {
  const { name, label, placeholder } = field;
  const at = `${id}-${name}`;
  const value = given[name] ?? field.chosen;
  const hint = known(`hint.${name}`, "");
  const common = { id: at, "data-option": name, ...(hint && { "aria-describedby": `${at}-hint` }) };
  const note = hint && h("small", { id: `${at}-hint` }, hint);
  if (field.control === "checkbox") {
    return h("div.field.check", {}, h("input", { type: "checkbox", checked: value === true || value === "true", ...common }), h("label", { htmlFor: at }, label), note);
  }
  const input =
    field.control === "select"
      ? h("select", common, field.choices.map((choice) => h("option", { value: choice.value, selected: choice.value === value }, choice.words)))
      : h("input", { type: field.control, value: value ?? "", placeholder, autocomplete: "off", ...common });
  const fill = (value) => {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const chips = (SUGGESTED[name] || []).map((value) => button("chip", null, value, () => fill(value)));
  return h("div.field", {}, h("label", { htmlFor: at }, label), input, (note || chips.length > 0) && h("div.actions", {}, note, chips));
}

// The first of a field's choices is what holds without being asked for.
function valuesOf(form) {
  const values = {};
  for (const field of form.querySelectorAll("[data-option]")) {
    if (field.type === "radio" && !field.checked) continue;
    const unasked = field.type === "checkbox" ? !field.checked : field.tagName === "SELECT" && !field.selectedIndex;
    const value = unasked ? "" : field.type === "checkbox" ? "true" : field.value.trim();
    if (value) values[field.dataset.option] = value;
  }
  // Without losses there is nothing that could be lost for a size.
  if (values.preset === "lossless") for (const name of ["target_size", "color_mode"]) delete values[name];
  return values;
}
