// Files on their way, straight to the store: a form for each, or parts of one that is large.

import { Failure, call, refusal } from "./api.js";
import { t } from "./words.js";

const TRIES = 6;
const PATIENCE = 1000; // milliseconds before the second try; they double

// Reserve a job for the files and send them. `reserved` is told of the job as soon as there is one, `progress` of the
// bytes that have left. Resolves to the job. Raises Failure, or AbortError where `signal` says so.
export async function send({ operation, options, files, signal, reserved, progress }) {
  const body = { operation, options, files: files.map(({ name, size }) => ({ name, size })) };
  const answer = await persist(() => call("/api/uploads", { json: body, signal }), signal);
  const job = answer.job;
  reserved(job);
  await transfer({ job, uploads: answer.uploads, files, signal, progress });
  return job;
}

async function transfer({ job, uploads, files, signal, progress }) {
  let before = 0;
  for (const [index, upload] of uploads.entries()) {
    const told = (bytes) => progress(before + Math.min(bytes, files[index].size));
    if (upload.multipart) await sendParts(upload.multipart, files[index], signal, told);
    else await persist(() => post(upload, files[index], signal, told), signal);
    before += files[index].size;
    progress(before);
  }
  // Where no event follows an upload this begins the job; elsewhere it only says what is known.
  await persist(() => call(`/api/jobs/${job.job_id}/uploaded`, { method: "POST", signal }), signal);
}

function post({ url, fields }, file, signal, told) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  return exchange("POST", url, body, signal, told);
}

async function sendParts({ parts, complete_url: complete }, file, signal, told) {
  const etags = [];
  let start = 0;
  for (const part of parts) {
    const begin = start;
    const piece = file.slice(begin, begin + part.bytes);
    const request = () => exchange("PUT", part.url, piece, signal, (bytes) => told(begin + bytes));
    const sent = await persist(request, signal);
    etags.push({ number: part.number, etag: sent.getResponseHeader("ETag") });
    start += part.bytes;
  }
  await persist(() => call(complete, { json: { parts: etags }, signal }), signal);
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
async function persist(request, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Failure) || !error.passes || (attempt >= TRIES && navigator.onLine)) throw error;
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
