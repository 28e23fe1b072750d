// What became of a file, in plain words.

import { h, icon } from "./dom.js";
import { bytesOf } from "./items.js";
import { operation } from "./service.js";
import { known, percent, size, t } from "./words.js";

// The document made smaller, not a new one.
export const isSame = (item) => Boolean(operation(item.operation)?.each_alone) && item.job.results.length <= 1;

// How a finished item stands: {before, after, share (0–1 saved), kind}.
export function outcomeOf(item) {
  const before = item.job.inputs.reduce((sum, input) => sum + input.bytes, 0) || bytesOf(item);
  const { bytes, outcome } = item.job.result;
  return { before, after: bytes, share: Math.max(0, 1 - bytes / before), kind: outcome };
}

export function stateWords(item) {
  const { before, after, kind } = outcomeOf(item);
  const { report } = item.job.result;
  const count = item.job.results.length;
  if (kind === "unchanged" && isSigned(item)) return t("state.signed", { size: size(after) });
  if (kind === "unchanged") return t("state.unchanged", { size: size(after) });
  if (kind === "target_not_met") return t("state.target_not_met", { size: size(after) });
  if (isSame(item)) return t("state.smaller", { before: size(before), after: size(after) });
  const pages = t("count.pages", { n: report.pages ?? 0 });
  if (count > 1) return t("state.parts", { n: count, pages, size: size(after) });
  return t("state.made", { pages, size: size(after) });
}

const isSigned = (item) => item.job.warnings.some(({ code }) => code === "signed");

// What its reader should know, in plain words.
export function warnings(item) {
  const said = item.job.warnings.filter(({ code }) => code !== "signed"); // its state says so
  return said.map(({ code, message }) => known(`warning.${code}`, message));
}

// What was compared and found as it was.
export function details(item) {
  const { report } = item.job.result;
  const { comparison, pages } = report;
  const lines = [];
  if (report.outcome === "unchanged") lines.push(line("ok", t("kept.unchanged")));
  else if (comparison?.pages) {
    const every = comparison.pages >= pages;
    lines.push(line("ok", every ? t("kept.compared_all") : t("kept.compared", { n: comparison.pages, pages })));
    const missing = comparison.structure_skipped || [];
    lines.push(missing.length ? line("warn", t("kept.structure_part", { what: missing.join(", ") })) : line("ok", t("kept.structure")));
  }
  return [lines.length > 0 && h("ul.facts", {}, lines), report.before && report.after && where(report)].filter(Boolean);
}

const line = (kind, words) => h(`li.${kind}`, {}, icon(kind), h("span", {}, words));

// Where the bytes were and are.
function where({ before, after }) {
  const parts = Object.keys(before).filter((part) => before[part] || after[part]);
  const largest = Math.max(...parts.map((part) => before[part]));
  return h(
    "table.where",
    {},
    h("caption", {}, t("where.title")),
    h("thead.unseen", {}, h("tr", {}, ["where.part", "where.before", "where.after"].map((key) => h("th", { scope: "col" }, t(key))))),
    h(
      "tbody",
      {},
      parts
        .sort((a, b) => before[b] - before[a])
        .map((part) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, t(`where.${part}`)),
            h("td", {}, size(before[part])),
            h("td", {}, size(after[part])),
            h("td.bars", { "aria-hidden": "true" }, h("meter", { max: largest, value: before[part] }), h("meter", { max: largest, value: after[part] })),
          ),
        ),
    ),
  );
}

export const savedWords = (share) => percent(Math.floor(share * 100) / 100);
