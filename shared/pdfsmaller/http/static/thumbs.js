// The pages of a file as pictures: what its preview has made.

import { h } from "./dom.js";
import { here } from "./api.js";
import { t } from "./words.js";

export const isPictured = (item) => item.operation === "preview" && item.job?.status === "succeeded";
export const pageCount = (item) => item.job?.result?.report.page_count || 0;
export const pagesWords = (item) => (pageCount(item) ? t("count.pages", { n: pageCount(item) }) : "");

// A picture of a page, counted from 0. What it shows is said beside it.
export function thumb(item, index) {
  const { width, height } = item.job.result.report.previews[index] || {};
  return h("img", { src: here(item.job.results[index].download_url), alt: "", loading: "lazy", width, height, draggable: false });
}

// Pages that have no picture, being too many.
export function beyond(item) {
  const more = pageCount(item) - item.job.results.length;
  return more > 0 && h("span.note", {}, t("pages.more", { n: more }));
}
