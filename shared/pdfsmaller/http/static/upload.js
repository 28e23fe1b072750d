// Files on their way, straight to the store: a form for each, or parts of one that is large.

import { Failure, call, refusal } from "./api.js";
import { t } from "./words.js";

const TRIES = 6;
const PATIENCE = 1000; // milliseconds before the second try; they double

// Send the files of a job: of `job`, where some of them have come already, or of a new one by `reserve`. `reserved` is
// told of it, `progress` of the bytes that have left, `waits` of what is waited for, in words. Resolves to the job.
// Raises Failure, or AbortError where `signal` says so.
export async function send({ files, job, reserve, signal, reserved, progress, waits }) {
  const going = { signal, waits };
  const { job: begun, uploads } = (job && (await underWay(job, files, going))) || (await persist(reserve, going));
  reserved(begun);
  if (begun.status === "failed") return begun; // its file could not be taken
  let before = 0;
  for (const [index, upload] of uploads.entries()) {
    const file = files[index];
    const told = (bytes) => progress(before + Math.min(bytes, file.size));
    const path = `api/jobs/${begun.job_id}/uploads/${index}`;
    if (upload.multipart) await sendParts(path, upload.multipart, file, going, told);
    else await sendForm(path, upload, file, going, told);
    before += file.size;
    progress(before);
  }
  // Where no event follows an upload this begins the job; elsewhere it only says what is known.
  return persist(() => call(`api/jobs/${begun.job_id}/uploaded`, { method: "POST", signal }), going);
}

// What is still missing of a job's files; null where there is no going on.
async function underWay(job, files, going) {
  try {
    const state = (_, index) => call(`api/jobs/${job.job_id}/uploads/${index}`, { signal: going.signal });
    const asked = files.map((file, index) => persist(() => state(file, index), going));
    const states = await Promise.all(asked);
    return { job, uploads: states.map((state) => state.upload) };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

// A form that is over is asked for anew, once.
async function sendForm(path, form, file, going, told) {
  const sent = (filled) => persist(() => post(filled, file, going.signal, told), going);
  try {
    await sent(form);
  } catch (error) {
    if (error.status !== 403) throw error;
    await sent((await call(path, { signal: going.signal })).upload);
  }
}

function post({ url, fields }, file, signal, told) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  return exchange("POST", url, body, signal, told);
}

// The parts that have not arrived, one after the other; links that are over are asked for anew.
async function sendParts(path, upload, file, going, told) {
  const { signal } = going;
  let { parts } = upload;
  let asked = 0;
  for (;;) {
    const missing = parts.filter((part) => !part.arrived);
    if (!missing.length) break;
    for (const part of missing.filter(({ url }) => url)) {
      const from = (part.number - 1) * upload.part_bytes;
      const arrived = parts.reduce((sum, one) => sum + (one.arrived ? one.bytes : 0), 0);
      const put = () => exchange("PUT", part.url, file.slice(from, from + part.bytes), signal, (bytes) => told(arrived + bytes));
      try {
        await persist(put, going);
        part.arrived = true;
      } catch (error) {
        if (error.status !== 403 || (asked += 1) > TRIES) throw error;
        break;
      }
    }
    parts = (await persist(() => call(path, { signal }), going)).upload.multipart.parts;
  }
  await persist(() => call(`${path}/complete`, { method: "POST", signal }), going);
}

// fetch() tells nothing of a body on its way.
function exchange(method, url, body, signal, told) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.open(method, url);
    request.upload.onprogress = (event) => told(event.loaded);
    request.onload = () => (request.status < 300 ? done(request) : failed(refused(request)));
    request.onerror = () => failed(new Failure(t(navigator.onLine ? "error.unreachable" : "error.offline")));
    request.onabort = () => failed(new DOMException("stopped", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.send(body);
  });
}

function refused(request) {
  let problem = {};
  try {
    problem = JSON.parse(request.responseText);
  } catch {
    problem = { detail: t("error.store", { status: request.status }) };
  }
  return refusal(request.status, problem, request.getResponseHeader("Retry-After"));
}

// Try what may well pass a little later again; an absent network is waited for.
async function persist(request, { signal, waits }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await request();
      if (attempt > 1) waits("");
      return answer;
    } catch (error) {
      if (!(error instanceof Failure) || !error.passes || (attempt >= TRIES && navigator.onLine)) throw error;
      waits(error.message);
      await pause(Math.max(error.wait * 1000, PATIENCE * 2 ** (attempt - 1)), signal);
    }
  }
}

// So many milliseconds, or until the network is back.
function pause(milliseconds, signal) {
  return new Promise((done, failed) => {
    const wake = () => {
      clearTimeout(timer);
      removeEventListener("online", wake);
      signal.removeEventListener("abort", stop);
      done();
    };
    const stop = () => (wake(), failed(new DOMException("stopped", "AbortError")));
    const timer = setTimeout(wake, milliseconds);
    addEventListener("online", wake);
    signal.addEventListener("abort", stop);
  });
}
