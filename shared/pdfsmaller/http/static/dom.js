// Elements made in one line each; text is always text, never HTML.

export const $ = (id) => document.getElementById(id);

// h("button.quiet", { onclick }, "Words", child): what begins with "on" is listened to, "data-…" and "aria-…" are
// attributes, the rest are properties; null and false among the children are left out.
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && !key.includes("-")) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  return svg;
}

// A button whose picture is explained by its words, shown or only said.
export function button(kind, picture, words, onclick, props = {}) {
  const shown = kind !== "bare";
  const name = shown ? {} : { "aria-label": words, title: words };
  return h(`button.${kind}`, { type: "button", onclick, ...name, ...props }, picture && icon(picture), shown && words);
}

// Said by a screen reader when it has time.
export function say(words) {
  $("say").textContent = words;
}

let fading;

// Shown for some seconds, and said at once.
export function toast(words) {
  clearTimeout(fading);
  $("toast").textContent = words;
  fading = setTimeout(() => ($("toast").textContent = ""), Math.max(6000, words.length * 90));
}

// Put new content into a place without losing where the keyboard is: elements are known by their data-focus.
export function refill(place, ...children) {
  const held = place.contains(document.activeElement) && document.activeElement.dataset.focus;
  place.replaceChildren(...children.flat().filter(Boolean));
  if (held) place.querySelector(`[data-focus="${CSS.escape(held)}"]:enabled, a[data-focus="${CSS.escape(held)}"]`)?.focus();
}
