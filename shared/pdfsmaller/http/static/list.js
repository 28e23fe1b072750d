// The list of this browser's jobs: a card for each.

import { call, here } from "./api.js";
import { $, button, h, icon, refill, toast } from "./dom.js";
import * as store from "./items.js";
import { optionsForm } from "./options.js";
import { details, isSame, outcomeOf, savedWords, stateWords, warnings } from "./report.js";
import { archive, canShare, download, share } from "./share.js";
import { operation, service } from "./service.js";
import { follow } from "./follow.js";
import * as work from "./work.js";
import { known, percent, size, span, t } from "./words.js";

const cards = new Map(); // item id → its element
const open = new Map(); // item id → "tune" or "more", what is unfolded

export function start() {
  store.onChange(update);
  for (const { id } of [...store.listed()].reverse()) update(id);
  setInterval(() => document.hidden || store.listed().forEach(({ id }) => tick(id)), 30_000);
}

function update(id) {
  const item = store.find(id);
  if (!item || item.board) {
    cards.get(id)?.remove();
    cards.delete(id);
    open.delete(id);
  } else {
    if (!cards.has(id)) place(id);
    draw(item);
  }
  $("mine").hidden = cards.size === 0;
  sum();
}

function place(id) {
  const card = h("li.card", { tabIndex: -1 });
  cards.set(id, card);
  const order = store.listed().map((item) => item.id);
  const next = order.slice(order.indexOf(id) + 1).find((other) => cards.has(other));
  $("jobs").insertBefore(card, next ? cards.get(next) : null);
}

// Everything but progress makes a new card; progress moves what is there.
function draw(item) {
  const card = cards.get(item.id);
  const { job, phase } = item;
  const shape = [phase, job?.job_id, job?.status, item.error, open.get(item.id), item.made.length, item.estimates?.length].join();
  if (card.dataset.shape !== shape) {
    card.dataset.shape = shape;
    card.className = `card ${kind(item)}`;
    refill(card, face(item));
  }
  if (kind(item) === "running") move(card, item);
}

function kind(item) {
  if (item.phase === "failed" || item.job?.status === "failed") return "bad";
  if (store.isDone(item)) return outcomeOf(item).kind === "compressed" ? "done good" : "done";
  return "running";
}

function face(item) {
  const state = kind(item);
  const many = item.files.length > 1 ? t("count.more", { n: item.files.length - 1 }) : "";
  const name = h("p.name", { title: item.files.map((file) => file.name).join("\n") }, store.nameOf(item), many && h("small", {}, ` ${many}`));
  const words = state === "bad" ? work.errorOf(item) : state === "running" ? "" : stateWords(item);
  const notes = state.startsWith("done") ? warnings(item) : [];
  const text = h("div.what", {}, name, h(`p.state${state === "bad" ? ".failed" : ""}`, {}, words), notes.map((note) => h("p.warning", {}, note)));
  const badge = h("span.badge", {}, icon(state === "bad" ? "warn" : "file"));
  const head = h("div.row", {}, badge, text, state.startsWith("done") && figure(item), state === "running" ? stopper(item) : remover(item));
  if (state === "running") return [head, h("progress", { max: 100, "aria-label": store.nameOf(item) })];
  if (state === "bad") return [head, password(item), retrier(item)];
  return [head, isSame(item) && bar(item), doneActions(item), parts(item), unfolded(item)];
}

const stopper = (item) => button("bare", "x", t("act.stop"), () => work.stop(item.id), { "data-focus": "stop" });
const remover = (item) => button("bare", "bin", t("act.remove"), () => removed(item), { "data-focus": "remove" });

function removed(item) {
  const next = cards.get(item.id)?.nextElementSibling || cards.get(item.id)?.previousElementSibling;
  work.remove(item.id);
  (next || $("choose").closest("label").querySelector("input")).focus();
}

function move(card, item) {
  const { job, phase } = item;
  const total = store.bytesOf(item);
  const bar = card.querySelector("progress");
  let words = t("state.waiting");
  let value;
  if (phase === "sending") {
    value = total ? Math.min(100, (100 * (item.sent || 0)) / total) : 0;
    words = item.note || t("state.sending", { sent: size(item.sent || 0), total: size(total) });
  } else if (phase === "job") {
    value = job.status === "running" ? job.progress : undefined;
    words = known(`stage.${job.stage}`, t("state.working"));
    if (job.pages && job.pages_done) words += ` · ${t("state.pages", { done: job.pages_done, pages: job.pages })}`;
    else if (value) words += ` · ${percent(value / 100)}`;
    if (job.eta_seconds > 1) words += ` · ${t("state.left", { time: span(job.eta_seconds) })}`;
  }
  if (value === undefined) bar.removeAttribute("value");
  else bar.value = value;
  card.querySelector(".state").textContent = words;
}

function figure(item) {
  const { share, kind: outcome } = outcomeOf(item);
  if (!isSame(item) || outcome === "unchanged" || share < 0.005) return null;
  return h("p.figure", {}, h("b", {}, savedWords(share)), h("span", {}, t("state.saved")));
}

function bar(item) {
  const { before, after } = outcomeOf(item);
  const filled = h("i");
  filled.style.width = `${Math.min(100, Math.max(1, (100 * after) / before))}%`;
  return h("div.bar", { "aria-hidden": "true" }, filled);
}

function doneActions(item) {
  const { job } = item;
  const several = job.results.length > 1;
  const compare = job.links.again && item.operation === "compress" && job.result.outcome !== "unchanged";
  const tune = item.operation === "compress" && work.canAgain(item);
  return h(
    "div.actions",
    {},
    download(job, undefined, several ? t("act.download_zip") : t("act.download"), "download.button", "down"),
    canShare && button("quiet", "share", t("act.share"), () => share(job), { "data-focus": "share" }),
    compare && button("quiet", "compare", t("act.compare"), () => compared(item), { "data-focus": "compare" }),
    tune && unfolder(item, "tune", "tune", t("act.tune")),
    unfolder(item, "more", null, t("act.details")),
    h("span.left", { "data-left": "" }, leftWords(job)),
  );
}

function unfolder(item, what, picture, words) {
  const is = open.get(item.id) === what;
  const toggle = () => {
    if (is) open.delete(item.id);
    else open.set(item.id, what);
    if (!is && what === "tune") estimate(item);
    draw(store.find(item.id));
  };
  return button("quiet", picture, words, toggle, { "aria-expanded": String(is), "data-focus": what });
}

function leftWords(job) {
  const seconds = (Date.parse(job.expires_at) - Date.now()) / 1000;
  return job.expires_at ? t("state.deleted_in", { time: span(Math.max(1, seconds)) }) : "";
}

// The clock of a card goes on; what is over goes away.
function tick(id) {
  const item = store.find(id);
  if (!item?.job?.expires_at) return;
  if (Date.parse(item.job.expires_at) < Date.now()) return store.forget(id);
  const left = cards.get(id)?.querySelector("[data-left]");
  if (left) left.textContent = leftWords(item.job);
}

function parts(item) {
  const { results } = item.job;
  if (results.length < 2) return null;
  const lines = results.map((result, index) =>
    h("li", {}, download(item.job, index, result.name, "part"), h("span", {}, size(result.bytes))),
  );
  return h("ol.parts", {}, lines);
}

function unfolded(item) {
  const what = open.get(item.id);
  if (what === "more") return h("div.fold", {}, details(item));
  return what === "tune" ? tuning(item) : null;
}

// Other options for what is there already: nothing is sent again.
function tuning(item) {
  const made = [...item.made, item.job].filter((job) => job.result && Object.keys(job.options).join() === "preset");
  const expected = (preset) => {
    const done = made.find((job) => job.options.preset === preset);
    const estimate = item.estimates?.find((one) => one.preset === preset);
    return done ? t("options.made", { size: size(done.result.bytes) }) : estimate && t("options.expected", { size: size(estimate.bytes) });
  };
  const form = optionsForm(item.operation, { given: item.options, expected, submitted: () => once() });
  const others = store.listed().filter((other) => other !== item && other.operation === item.operation && work.canAgain(other) && store.isDone(other));
  const once = () => (open.delete(item.id), work.again(item.id, form.values()));
  const all = () => (open.delete(item.id), [item, ...others].forEach((one) => work.again(one.id, form.values())));
  return h(
    "div.fold",
    {},
    form,
    h(
      "div.actions",
      {},
      button("button", "again", t("act.again"), once, { "data-focus": "again" }),
      others.length > 0 && button("quiet", null, t("act.again_all", { n: others.length + 1 }), all, { "data-focus": "again-all" }),
    ),
    item.made.length > 0 && h("p.made", {}, t("tune.made"), " ", item.made.map((job) => version(item, job))),
  );
}

function version(item, job) {
  const words = `${known(`preset.${job.options.preset}`, t("tune.own"))}, ${size(job.result.bytes)}`;
  return button("chip", null, words, () => (open.delete(item.id), work.choose(item.id, job.job_id)));
}

// What each preset would give, found out by a dry run when somebody wants to know.
async function estimate(item) {
  if (!operation(item.operation).estimates || item.estimates || !item.job.links.again) return;
  try {
    const job = await call(here(item.job.links.again), { json: { options: { dry_run: true } } });
    const told = (now) => {
      if (now.result) store.change(item.id, { estimates: now.result.report.presets });
      if (store.isFinal(now)) work.discard(now);
    };
    follow(job, told, () => {});
  } catch {
    // Without it the cards say what they say anyway.
  }
}

// A locked PDF: its password, and once more.
function password(item) {
  const code = item.job?.error?.code;
  if (!["password_required", "wrong_password"].includes(code) || !work.canAgain(item)) return null;
  const field = h("input", { type: "password", autocomplete: "off", required: true, "data-focus": "password", "aria-label": t("act.password") });
  const unlock = (event) => {
    event.preventDefault();
    work.again(item.id, { ...item.options, password: field.value });
  };
  return h("form.unlock", { onsubmit: unlock }, h("label", {}, t("act.password"), field), h("button.button", {}, t("act.unlock")));
}

function retrier(item) {
  const hopeless = ["not_a_pdf", "empty_file", "unreadable_pdf", "password_required", "wrong_password"];
  const code = item.job?.error?.code || item.code;
  const worth = !hopeless.includes(code) && (item.phase === "failed" ? item.files.every((file) => file.bytes) : true) && !tooLarge(item);
  return worth && h("div.actions", {}, button("quiet", "again", t("act.retry"), () => work.retry(item.id), { "data-focus": "retry" }));
}

const tooLarge = (item) => item.files.some((file) => file.bytes > service.max_file_size);

async function compared(item) {
  const { compare } = await import("./compare.js");
  compare(item);
}

// The head of the list: what was saved in all, and all at once.
function sum() {
  const done = store.listed().filter((item) => store.isDone(item));
  const same = done.filter((item) => isSame(item) && operation(item.operation)?.name === "compress").map(outcomeOf);
  const before = same.reduce((all, one) => all + one.before, 0);
  const after = same.reduce((all, one) => all + one.after, 0);
  const saved = before - after;
  $("total").textContent = saved > 0 ? t("list.saved", { n: same.length, size: size(saved), share: savedWords(saved / before) }) : "";
  const waiting = store.listed().some((item) => kind(item) === "running");
  const shape = [done.length, waiting, store.listed().length].join();
  if ($("for-all").dataset.shape === shape) return;
  $("for-all").dataset.shape = shape;
  refill(
    $("for-all"),
    done.length > 1 && button("button", "down", t("act.all_zip"), (event) => all(event.currentTarget, done), { "data-focus": "zip" }),
    store.listed().length > 1 && button("bare.said", "bin", t("act.remove_all"), removeAll, { "data-focus": "remove-all" }),
  );
}

function removeAll() {
  if (confirm(t("act.remove_all_sure"))) for (const { id } of [...store.listed()]) work.remove(id);
}

async function all(pressed, done) {
  pressed.disabled = true;
  try {
    const job = await archive(done.map((item) => item.job.job_id));
    follow(
      job,
      (now) => {
        if (now.status === "failed") toast(now.error.message);
        if (!now.links.download && !store.isFinal(now)) return;
        pressed.disabled = false;
        if (now.status === "succeeded") download(now, undefined, "", "download").click();
      },
      () => (pressed.disabled = false),
    );
  } catch (error) {
    pressed.disabled = false;
    toast(error.message);
  }
}
