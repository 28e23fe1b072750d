// Merging: the pages of each file, and which of them are taken.

import { h } from "./dom.js";
import * as store from "./items.js";
import { pagesOf, rangesOf } from "./ranges.js";
import { beyond, isPictured, pageCount, pagesWords, thumb } from "./thumbs.js";
import { t } from "./words.js";

export function tool() {
  const painters = new Map(); // item id → shows which pages are taken

  function picture(item) {
    if (!isPictured(item)) return null;
    const count = pageCount(item);
    const id = `pages-${item.id}`;
    const said = h("small", { id: `${id}-said` });
    const field = h("input", { id, value: item.pages || "", placeholder: t("pages.all"), autocomplete: "off", "aria-describedby": said.id, "data-focus": id });
    const pages = item.job.results.map((_, index) =>
      h("button.leaf", { type: "button", "aria-label": t("pages.page", { n: index + 1 }), onclick: () => toggle(index + 1) }, thumb(item, index), h("span", {}, String(index + 1))),
    );
    const set = (text) => store.change(item.id, { pages: text });
    const toggle = (number) => {
      const taken = new Set(pagesOf(field.value, count) || []);
      if (!taken.delete(number)) taken.add(number);
      if (!taken.size) return; // a file of which nothing is taken is taken away
      field.value = rangesOf([...taken].sort((a, b) => a - b), count);
      set(field.value);
    };
    field.addEventListener("input", () => set(field.value));
    painters.set(item.id, () => {
      const taken = pagesOf(field.value, count);
      field.setAttribute("aria-invalid", String(!taken));
      said.textContent = taken ? t("pages.taken", { n: taken.length, of: count }) : t("pages.wrong", { n: count });
      pages.forEach((page, index) => page.setAttribute("aria-pressed", String(Boolean(taken?.includes(index + 1)))));
    });
    return [
      h("div.strip", { role: "group", "aria-label": t("pages.of", { name: store.nameOf(item) }) }, pages, beyond(item)),
      h("div.field.line", {}, h("label", { htmlFor: id }, t("pages.which")), field, said),
    ];
  }

  return {
    layout: "rows",
    info: pagesWords,
    picture,
    paint: (lying) => lying.forEach((item) => painters.get(item.id)?.()),
    options: (items) => (items.some((item) => item.pages) ? { pages: items.map((item) => item.pages || "") } : {}),
    missing: (_, items) => items.some((item) => pageCount(item) && !pagesOf(item.pages || "", pageCount(item))) && t("pages.which_wrong"),
  };
}
