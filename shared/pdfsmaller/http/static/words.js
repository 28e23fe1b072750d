// The page's words in its language (served within it), and numbers as that language writes them.

const words = JSON.parse(document.getElementById("words").textContent);
const language = document.documentElement.lang;
const plural = new Intl.PluralRules(language);

// The words of a key, with {names} filled in; where they come in several forms, the one that fits n.
export function t(key, values = {}) {
  const found = words[key];
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : found[plural.select(values.n)] || found.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

// The words of a key that may not be there.
export const known = (key, otherwise) => (key in words ? t(key) : otherwise);

const format = (options) => new Intl.NumberFormat(language, options);
const whole = format({});
const percents = format({ style: "percent" });

export const number = (value) => whole.format(value);
export const percent = (share) => percents.format(share);

// Bytes in powers of 1,000, as the service counts them.
export function size(bytes) {
  const [unit, power] = bytes >= 1e9 ? ["gigabyte", 1e9] : bytes >= 1e6 ? ["megabyte", 1e6] : ["kilobyte", 1e3];
  const value = bytes && Math.max(0.1, bytes / power);
  const digits = value < (power > 1e3 ? 100 : 10) ? 1 : 0;
  return format({ style: "unit", unit, maximumFractionDigits: digits }).format(value);
}

// A span of time in one unit, rounded down: "3 hr", "12 min".
export function span(seconds) {
  const [unit, length] = seconds >= 3600 ? ["hour", 3600] : seconds >= 60 ? ["minute", 60] : ["second", 1];
  const value = Math.max(1, Math.floor(seconds / length));
  return format({ style: "unit", unit, unitDisplay: "long" }).format(value);
}
