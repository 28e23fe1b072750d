// From a chosen file to a finished job: what is sent, followed, done again and taken back.

import { call, here, inWords, refusedBefore } from "./api.js";
import * as files from "./files.js";
import { follow, unfollow } from "./follow.js";
import { add, bytesOf, change, find, forget, isFinal, items, nameOf } from "./items.js";
import { reserve } from "./reserve.js";
import { send } from "./upload.js";
import { say, toast } from "./dom.js";
import { percent, t } from "./words.js";

const AT_ONCE = 3;
const TOGETHER = 30; // milliseconds in which files that are dropped together have all come
const under = new Map(); // item id → what stops its upload

// One item for these files, sent at once unless it is only to be held.
export function begin(operation, given, { options = {}, board = null, hold = false } = {}) {
  const refused = given.map(refusedBefore).find(Boolean);
  const phase = refused ? "failed" : hold ? "held" : "waiting";
  const named = given.map(({ name, size }) => ({ name, bytes: size }));
  const item = add({ operation, board, options, files: named, phase, error: refused || "" });
  if (refused) say(`${nameOf(item)}: ${refused}`);
  else files.keep(item.id, given);
  own(item.id).then(schedule);
  return item;
}

// Send what was held, or send again.
export async function release(id, fields = {}) {
  await own(id);
  change(id, { ...fields, phase: "waiting", error: "", sent: 0 });
  schedule();
}

const owned = new Map(); // item id → gives it up

// Have an upload for this tab alone; false where another tab has it.
function own(id) {
  if (owned.has(id)) return Promise.resolve(true);
  if (!navigator.locks) return Promise.resolve(Boolean(owned.set(id, () => {}))); // plain http has no locks
  return new Promise((done) => {
    navigator.locks.request(`pdfsmaller ${id}`, { ifAvailable: true }, (lock) => {
      done(Boolean(lock));
      return lock && new Promise((release) => owned.set(id, release));
    });
  });
}

function disown(id) {
  owned.get(id)?.();
  owned.delete(id);
}

// This tab's items that wait for their turn, the first first.
const inLine = () => [...items].reverse().filter(({ id, phase }) => phase === "waiting" && owned.has(id) && !under.has(id));

// Those that have no job yet, whether it is their turn or not.
const unreserved = () => [...items].reverse().filter(({ id, phase, job }) => ["waiting", "sending"].includes(phase) && owned.has(id) && !job);

let scheduled = false;

// Uploads begin in the order in which their files were chosen.
function schedule() {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    for (const { id } of inLine()) if (under.size < AT_ONCE) upload(id);
  }, TOGETHER);
}

async function upload(id) {
  const stopping = new AbortController();
  under.set(id, stopping);
  change(id, { phase: "sending", sent: 0, error: "", note: "" });
  const { options, job: begun } = find(id);
  if (options.password) secrets.set(id, options.password);
  try {
    const given = await files.filesOf(id);
    if (!given) throw new Error(t("error.file_gone"));
    const job = await send({
      files: given,
      reserve: () => reserve(find(id), unreserved(), (other, reserved) => change(other, { job: reserved })),
      job: begun?.status === "awaiting_upload" && begun,
      signal: stopping.signal,
      reserved: (job) => change(id, { job }),
      progress: (sent) => change(id, { sent }),
      waits: (note) => change(id, { note }),
    });
    if (!find(id)) return;
    files.stored(id);
    change(id, { phase: "job", job, options: withoutSecrets(options) });
    watch(id);
  } catch (error) {
    if (error.name !== "AbortError") change(id, { phase: "failed", error: error.message, code: error.code || "" });
  } finally {
    under.delete(id);
    if (find(id)?.phase !== "waiting") disown(id);
    schedule();
  }
}

// Passwords are known to this tab alone, for what is done again to the same file.
const secrets = new Map();
export const secretOf = (id) => secrets.get(id);
const withoutSecrets = ({ password, ...options }) => options;

export function watch(id) {
  const item = find(id);
  if (!item || item.phase !== "job" || isFinal(item.job)) return;
  follow(item.job, (job) => heard(id, job), () => forget(id));
}

function heard(id, job) {
  const item = change(id, { job });
  if (!item || item.board || !isFinal(job)) return;
  const name = nameOf(item);
  if (job.status === "failed") say(`${name}: ${errorOf(item)}`);
  if (job.status !== "succeeded") return;
  const { outcome, ratio } = job.result;
  say(outcome === "compressed" ? t("said.smaller", { name, saved: percent(1 - ratio) }) : t("said.ready", { name }));
}

// Why an item failed, in words.
export function errorOf(item) {
  return item.phase === "failed" ? item.error : item.job?.error ? inWords(item.job.error.code, item.job.error.message) : "";
}

// With other options: from what the service has, or from this tab's own file. What was made before is kept beside.
export async function again(id, options, operation = find(id).operation) {
  const item = find(id);
  const { job } = item;
  if (options.password) secrets.set(id, options.password);
  const secret = secretOf(id) ? { password: secretOf(id) } : {};
  if (job?.links.again) {
    try {
      const next = await call(here(job.links.again), { json: { operation, options: { ...secret, ...options } } });
      const made = job.status === "succeeded" ? [...item.made, job] : item.made;
      change(id, { operation, options: withoutSecrets(options), job: next, made, phase: "job", error: "" });
      return watch(id);
    } catch (error) {
      if (error.code !== "job_expired" || !files.atHand(id)) return toast(error.message);
    }
  }
  if (!(await files.filesOf(id))) return toast(t("error.file_gone"));
  release(id, { operation, options: { ...secret, ...options }, job: null });
}

export const canAgain = (item) => Boolean(item.job?.links.again || files.atHand(item.id));

// A failed job once more, as it was.
export async function retry(id) {
  const { phase, job, options } = find(id);
  if (phase === "failed") return release(id);
  if (!job.links.retry) return again(id, options);
  try {
    change(id, { job: await call(here(job.links.retry), { method: "POST" }) });
    watch(id);
  } catch (error) {
    toast(error.message);
  }
}

// Show again what was made with other options before.
export function choose(id, jobId) {
  const item = find(id);
  const job = item.made.find((one) => one.job_id === jobId);
  const others = item.made.filter((one) => one !== job);
  change(id, { job, options: job.options, made: item.job.status === "succeeded" ? [...others, item.job] : others });
}

// Stop an upload or a job; what is finished stays.
export async function stop(id) {
  under.get(id)?.abort();
  const { job } = find(id);
  change(id, { phase: "failed", error: t("state.stopped"), code: "stopped" });
  if (!job) return;
  unfollow(job.job_id);
  if (!isFinal(job)) await discard(job);
}

// Take an item out of the list; its files at the service are deleted now.
export async function remove(id) {
  under.get(id)?.abort();
  const { job, made } = find(id);
  files.drop(id);
  forget(id);
  for (const one of [job, ...made].filter(Boolean)) {
    unfollow(one.job_id);
    await discard(one);
  }
}

// Have the service delete a job and its files now.
export async function discard(job) {
  try {
    await call(`api/jobs/${job.job_id}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) toast(t("error.not_deleted", { why: error.message }));
  }
}

// After a reload: go on with what was under way, and ask how the rest stands.
export async function resume() {
  files.tidy(items.map((item) => item.id));
  for (const { id, phase, job } of [...items]) {
    if (["sending", "waiting", "held"].includes(phase) && !(await own(id))) continue;
    if (phase === "sending" || phase === "waiting") {
      if (await files.filesOf(id)) change(id, { phase: "waiting" });
      else change(id, { phase: "failed", error: t("error.file_gone") });
    } else if (phase === "held" && !(await files.filesOf(id))) forget(id);
    else if (phase === "job") recall(id);
  }
  schedule();
}

async function recall(id) {
  const { job } = find(id);
  try {
    const now = await call(`api/jobs/${job.job_id}`);
    if (now.status === "expired" || now.status === "cancelled") return forget(id);
    change(id, { job: now });
    watch(id);
  } catch (error) {
    if (error.status === 404) forget(id);
    else watch(id);
  }
}

export const total = (list) => list.reduce((sum, item) => sum + bytesOf(item), 0);
