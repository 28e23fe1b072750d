// Page ranges as the service takes them: 1-3,7,-1 (the last page), 5- (to the end), 7-3 (backwards).

const PART = /^\s*(-?[1-9]\d{0,8})\s*(?:(-)\s*(-?[1-9]\d{0,8})?\s*)?$/;

// The pages that a text picks from so many, or null where it is none of theirs. Nothing at all is every page.
export function pagesOf(text, count) {
  if (!text.trim()) return Array.from({ length: count }, (_, index) => index + 1);
  const picked = [];
  for (const part of text.split(",")) {
    const match = PART.exec(part);
    if (!match) return null;
    const first = page(match[1], count);
    const last = match[2] ? page(match[3] || "-1", count) : first;
    if (!first || !last) return null;
    const step = last < first ? -1 : 1;
    for (let number = first; number !== last + step; number += step) picked.push(number);
  }
  return picked;
}

function page(text, count) {
  const number = Number(text);
  const found = number > 0 ? number : count + number + 1;
  return found >= 1 && found <= count ? found : 0;
}

// Pages in rising order as a text; every page is an empty one.
export function rangesOf(pages, count) {
  if (pages.length === count) return "";
  const runs = [];
  for (const number of pages) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
