"use strict";

// Above this a request does not fit through a Function URL (6 MB as base64): the file goes straight to the store.
const DIRECT_MAX_BYTES = 4_000_000;
const POLL_MILLISECONDS = 500;

const form = document.getElementById("form");
const list = document.getElementById("jobs");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const options = {};
  for (const name of ["preset", "target_size", "password"]) {
    const value = document.getElementById(name).value.trim();
    if (value) options[name] = value;
  }
  for (const file of document.getElementById("files").files) compress(file, options);
});

async function compress(file, options) {
  const row = document.createElement("li");
  const name = element("span", "name", file.name);
  const state = element("span", "state", "uploading");
  row.append(name, state);
  list.prepend(row);
  try {
    let job = await (file.size > DIRECT_MAX_BYTES ? sendToStore(file, options) : sendDirectly(file, options));
    while (!["succeeded", "failed", "cancelled", "expired"].includes(job.status)) {
      state.textContent = `${job.stage} ${job.progress} %`;
      await new Promise((done) => setTimeout(done, POLL_MILLISECONDS));
      job = await answer(await fetch(`/api/jobs/${job.job_id}`));
    }
    if (job.status !== "succeeded") throw new Error(job.error ? job.error.message : `The job is ${job.status}.`);
    show(row, state, job);
  } catch (error) {
    state.className = "failed";
    state.textContent = error.message;
  }
}

function sendDirectly(file, options) {
  const body = new FormData();
  for (const [name, value] of Object.entries(options)) body.append(name, value);
  body.append("files", file);
  return fetch("/api/compress", { method: "POST", body }).then(answer);
}

async function sendToStore(file, options) {
  const request = { operation: "compress", options, name: file.name, size: file.size };
  const headers = { "Content-Type": "application/json" };
  const { job, uploads } = await answer(await fetch("/api/uploads", { method: "POST", headers, body: JSON.stringify(request) }));
  const body = new FormData();
  for (const [name, value] of Object.entries(uploads[0].fields)) body.append(name, value);
  body.append("file", file);
  const stored = await fetch(uploads[0].url, { method: "POST", body });
  if (!stored.ok) throw new Error(`The store refused the file (${stored.status}).`);
  return job;
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

function show(row, state, job) {
  const { bytes, ratio, outcome } = job.result;
  const saved = outcome === "unchanged" ? "already as small as it gets" : `${Math.round((1 - ratio) * 100)} % smaller`;
  state.textContent = `${size(job.inputs[0].bytes)} → ${size(bytes)}, ${saved}`;
  const link = element("a", "download", "Download");
  link.href = `/api/jobs/${job.job_id}/download`;
  row.append(link);
  for (const warning of job.warnings) row.append(element("small", "warning", warning.message));
}

function size(bytes) {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} KB`;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
