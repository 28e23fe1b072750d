// Requests to this service, with the API key where it asks for one, and what went wrong in words.

import { known, size, span, t } from "./words.js";
import { service } from "./service.js";
import { $ } from "./dom.js";

// Kept as long as the tab: other tabs and the disk do not learn it.
const field = $("key");
if (field) {
  field.value = sessionStorage.getItem("key") || "";
  field.addEventListener("input", () => sessionStorage.setItem("key", field.value.trim()));
}

export class Failure extends Error {
  constructor(message, { code = "", status = 0, wait = 0 } = {}) {
    super(message);
    Object.assign(this, { code, status, wait });
  }

  // Whether the same request may well succeed a little later, without anybody doing anything.
  get passes() {
    return !this.status || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export function headers(more = {}) {
  const key = field ? { Authorization: `Bearer ${field.value.trim()}` } : {};
  return { Accept: "application/json", ...key, ...more };
}

// The JSON of an answer. Raises Failure.
export async function call(path, { json, ...request } = {}) {
  const sent = { ...request, headers: headers(json && { "Content-Type": "application/json" }) };
  if (json) Object.assign(sent, { method: "POST", body: JSON.stringify(json) });
  let response;
  try {
    response = await fetch(path, sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(t(navigator.onLine ? "error.unreachable" : "error.offline"));
  }
  if (response.status === 204) return null;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw refusal(response.status, body, response.headers.get("Retry-After"));
  return body;
}

// A refusal by this service or by its store, in words that say what to do.
export function refusal(status, problem = {}, retryAfter = "") {
  const wait = Number.parseInt(retryAfter, 10) || 0;
  const { code = "" } = problem;
  const more = { code, status, wait };
  if (status === 401 && field) {
    field.focus();
    return new Failure(t("error.key"), more);
  }
  if (status === 429) return new Failure(wait ? t("error.busy_for", { time: span(wait) }) : t("error.busy"), more);
  return new Failure(inWords(code, problem.detail || t("error.status", { status })), more);
}

// A known error in the page's language, any other as the service says it.
export function inWords(code, message) {
  return code ? known(`error.${code}`, message) : message;
}

// A link of the service's as an address of this page: it may know itself by another name.
export function here(link) {
  const { pathname, search } = new URL(link, location);
  return pathname + search;
}

// Why a file is not even sent; empty where it may be.
export function refusedBefore(file) {
  if (!file.size) return t("error.empty_file");
  if (file.size > service.max_file_size) {
    return t("error.too_large", { size: size(file.size), limit: size(service.max_file_size) });
  }
  return "";
}
