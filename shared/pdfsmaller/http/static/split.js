// Splitting: one way to cut, and a picture of the parts that come of it.

import { h } from "./dom.js";
import { pagesOf } from "./ranges.js";
import { beyond, isPictured, pageCount, pagesWords, thumb } from "./thumbs.js";
import { t } from "./words.js";

const WAYS = ["every", "pages", "max_size", "outline_level"]; // in the order in which they are wanted
const PICTURED = ["every", "pages"]; // the others are known when the document is cut

export function tool(spec) {
  const ways = WAYS.map((name) => spec.fields.find((field) => field.name === name)).filter(Boolean);
  const given = { every: "1", max_size: "10MB", outline_level: "1" };
  const rows = ways.map(({ name, label, placeholder }, index) => {
    const radio = h("input", { type: "radio", name: "way", value: name, id: `way-${name}`, checked: !index });
    const field = h("input", { value: given[name] || "", placeholder, autocomplete: "off", "aria-label": label, inputMode: name === "every" ? "numeric" : "text", "data-way": name });
    field.addEventListener("focus", () => choose(name));
    field.addEventListener("input", () => repaint());
    return h("div.way", {}, radio, h("label", { htmlFor: radio.id }, label), field);
  });
  const element = h("fieldset.ways", { onchange: () => repaint() }, h("legend", {}, t("split.how")), rows);
  const pictures = new Map(); // item id → where its parts are shown
  let lying = [];

  const way = () => element.querySelector(":checked").value;
  const value = (name) => element.querySelector(`[data-way="${name}"]`).value.trim();

  function choose(name) {
    element.querySelector(`#way-${name}`).checked = true;
    repaint();
  }

  // The pages of each part; null where nobody knows yet.
  function parts(count) {
    if (way() === "every") {
      const each = Number(value("every"));
      if (!Number.isInteger(each) || each < 1) return null;
      return Array.from({ length: Math.ceil(count / each) }, (_, part) => pagesOf(`${part * each + 1}-${Math.min(count, (part + 1) * each)}`, count));
    }
    if (way() !== "pages" || !value("pages")) return null;
    const found = value("pages").split(",").map((part) => part.trim() && pagesOf(part.replaceAll("+", ","), count));
    return found.every(Boolean) ? found : null;
  }

  // Cut behind a page, or join what was cut there: from then on the pages are what is said.
  function cut(count, number) {
    const ends = new Set((parts(count) || []).map((pages) => pages.at(-1)));
    if (!ends.delete(number)) ends.add(number);
    ends.add(count);
    let first = 1;
    const ranges = [];
    for (const end of [...ends].sort((a, b) => a - b)) {
      ranges.push(first === end ? `${first}` : `${first}-${end}`);
      first = end + 1;
    }
    element.querySelector('[data-way="pages"]').value = ranges.join(",");
    choose("pages");
  }

  function repaint() {
    for (const item of lying) {
      const place = pictures.get(item.id);
      if (!place || !isPictured(item)) continue;
      const shape = JSON.stringify([way(), parts(pageCount(item)), lying.length]);
      if (place.dataset.shape === shape) continue; // what is pressed must not go away under the mouse
      place.dataset.shape = shape;
      const held = place.contains(document.activeElement) ? document.activeElement.dataset.focus : "";
      place.replaceChildren(...drawn(item));
      if (held) place.querySelector(`[data-focus="${held}"]`)?.focus();
    }
  }

  function drawn(item) {
    const count = pageCount(item);
    const found = parts(count);
    const page = (number) => number <= item.job.results.length && h("span.leaf.flat", {}, thumb(item, number - 1), h("span", {}, String(number)));
    const knife = (number, is) =>
      lying.length === 1 && number < Math.min(count, item.job.results.length) &&
      h("button.knife", { type: "button", "aria-pressed": String(is), "aria-label": t("split.cut", { n: number }), title: t("split.cut", { n: number }), onclick: () => cut(count, number), "data-focus": `k${number}` });
    const whole = found || [pagesOf("", count)];
    const drawing = whole.map((pages, index) =>
      h(
        "div.piece",
        {},
        found && h("b", {}, `${t("split.part", { n: index + 1 })} · ${t("count.pages", { n: pages.length })}`),
        h("div.leaves", {}, pages.flatMap((number, at) => [page(number), knife(number, Boolean(found) && at === pages.length - 1)])),
      ),
    );
    const words = found ? t("split.parts", { n: found.length }) : PICTURED.includes(way()) ? t("split.click") : t("split.later");
    return [h("p.note", {}, words), h(`div.pieces${found ? "" : ".whole"}`, {}, drawing), beyond(item)].filter(Boolean);
  }

  return {
    layout: "rows",
    without: WAYS,
    element,
    info: pagesWords,
    picture: (item) => {
      const place = h("div.cutting");
      pictures.set(item.id, place);
      return isPictured(item) && place;
    },
    paint: (items) => {
      lying = items;
      repaint();
    },
    options: () => ({ [way()]: value(way()) }),
    missing: () => !value(way()) && t("split.missing"),
  };
}
