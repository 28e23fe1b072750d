"use strict";

// Above this a request does not fit through a Function URL (6 MB as base64): the files go straight to the store.
const DIRECT_MAX_BYTES = 4_000_000;
const POLL_MILLISECONDS = 500;

const form = document.getElementById("form");
const operation = document.getElementById("operation");
const picker = document.getElementById("files");
const order = document.getElementById("chosen");
const list = document.getElementById("jobs");
// Only there where the service asks for one. Kept as long as the tab: other tabs and the disk do not learn it.
const key = document.getElementById("key");

let chosen = [];

if (key) {
  key.value = sessionStorage.getItem("key") || "";
  key.addEventListener("input", () => sessionStorage.setItem("key", key.value.trim()));
}

operation.addEventListener("change", showOperation);
picker.addEventListener("change", () => {
  chosen = [...picker.files];
  showOrder();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const options = {};
  for (const field of form.querySelectorAll("[data-option]")) {
    const value = field.type === "checkbox" && !field.checked ? "" : field.value.trim();
    if (value && !field.closest("[hidden]")) options[field.id] = value;
  }
  const jobs = eachAlone() ? chosen.map((file) => [file]) : [[...chosen]];
  for (const files of jobs) run(operation.value, files, options);
});

showOperation(); // a reloaded page keeps its fields
chosen = [...picker.files];
showOrder();

function showOperation() {
  const { kind, accept, preset } = operation.selectedOptions[0].dataset;
  document.getElementById("kind").textContent = kind;
  document.getElementById("preset").value = preset;
  document.getElementById("go").textContent = operation.selectedOptions[0].textContent;
  picker.accept = accept;
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(operation.value);
  }
  showOrder();
}

// Every file is a job of its own: their order means nothing.
function eachAlone(option = operation.selectedOptions[0]) {
  return "alone" in option.dataset;
}

function optionOf(name) {
  return [...operation.options].find((option) => option.value === name);
}

function showOrder() {
  const files = eachAlone() ? [] : chosen;
  order.replaceChildren(...files.map((file, index) => {
    const row = document.createElement("li");
    row.append(mover(index, -1, "↑", "up"), mover(index, 1, "↓", "down"), element("span", "name", file.name));
    return row;
  }));
}

function mover(index, step, sign, way) {
  const button = element("button", way, sign);
  button.type = "button";
  button.disabled = !chosen[index + step];
  button.setAttribute("aria-label", `Move ${chosen[index].name} ${way}`);
  button.addEventListener("click", () => {
    chosen.splice(index + step, 0, ...chosen.splice(index, 1));
    showOrder();
    const moved = order.children[index + step];
    // At the end of its way a button is disabled and cannot keep the focus.
    (moved.querySelector(`.${way}:enabled`) || moved.querySelector("button:enabled")).focus();
  });
  return button;
}

async function run(what, files, options) {
  const row = document.createElement("li");
  const name = element("span", "name", files.length > 1 ? `${files.length} files` : files[0].name);
  const state = element("span", "state", "uploading");
  row.append(name, state);
  list.prepend(row);
  try {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    let job = await (total > DIRECT_MAX_BYTES ? sendToStore : sendDirectly)(what, files, options);
    while (!["succeeded", "failed", "cancelled", "expired"].includes(job.status)) {
      state.textContent = `${job.stage} ${job.progress} %`;
      await new Promise((done) => setTimeout(done, POLL_MILLISECONDS));
      job = await call(`/api/jobs/${job.job_id}`).then(answer);
    }
    if (job.status !== "succeeded") throw new Error(job.error ? job.error.message : `The job is ${job.status}.`);
    show(row, state, job);
  } catch (error) {
    state.className = "failed";
    state.textContent = error.message;
  }
}

function sendDirectly(what, files, options) {
  const body = new FormData();
  for (const [name, value] of Object.entries(options)) body.append(name, value);
  for (const file of files) body.append("files", file);
  return call(optionOf(what).dataset.path, { method: "POST", body }).then(answer);
}

async function sendToStore(what, files, options) {
  const request = { operation: what, options, files: files.map(({ name, size }) => ({ name, size })) };
  const headers = { "Content-Type": "application/json" };
  const sent = call("/api/uploads", { method: "POST", headers, body: JSON.stringify(request) });
  const { job, uploads } = await sent.then(answer);
  for (const [index, upload] of uploads.entries()) {
    const body = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
    body.append("file", files[index]);
    const stored = await fetch(upload.url, { method: "POST", body });
    if (!stored.ok) throw new Error(`The store refused ${files[index].name} (${stored.status}).`);
  }
  // Where no event follows an upload this begins the job; elsewhere it only says what is known.
  return call(`/api/jobs/${job.job_id}/uploaded`, { method: "POST" }).then(answer);
}

// A request to the API, whose answer is JSON, with the key. Browsers drop Authorization when they are sent on to the store, as is right.
function call(path, request = {}) {
  const headers = { Accept: "application/json", ...request.headers };
  if (key) headers.Authorization = `Bearer ${key.value.trim()}`;
  return fetch(path, { ...request, headers });
}

async function answer(response) {
  if (response.status === 401 && key) {
    key.focus();
    throw new Error("The service does not know this API key. Correct it and send the files again.");
  }
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

function show(row, state, job) {
  const { bytes, ratio, outcome, report } = job.result;
  const before = job.inputs.reduce((sum, input) => sum + input.bytes, 0);
  const saved = outcome === "unchanged" ? "already as small as it gets" : `${Math.round((1 - ratio) * 100)} % smaller`;
  const pages = `${report.pages} page${report.pages === 1 ? "" : "s"}`;
  const several = job.results.length > 1;
  const made = several ? `${job.results.length} PDFs of ${pages}` : `one PDF of ${pages}`;
  const same = eachAlone(optionOf(job.operation)) && !several; // the document made smaller, not a new one
  state.textContent = `${size(before)} → ${size(bytes)}, ${same ? saved : made}`;
  row.append(linked(`/api/jobs/${job.job_id}/download`, several ? "Download all (ZIP)" : "Download", "download", state));
  if (several) row.append(parts(job, state));
  for (const warning of job.warnings) row.append(element("small", "warning", warning.message));
}

// The results one by one.
function parts(job, state) {
  const list = element("ol", "parts", "");
  for (const [index, result] of job.results.entries()) {
    const part = document.createElement("li");
    const path = `/api/jobs/${job.job_id}/results/${index}`;
    part.append(linked(path, result.name, "part", state), element("span", "state", size(result.bytes)));
    list.append(part);
  }
  return list;
}

function linked(path, text, className, state) {
  const link = element("a", className, text);
  link.href = path;
  if (key) link.addEventListener("click", (event) => download(event, state));
  return link;
}

// A link cannot carry a key: the file is fetched with it and handed to the browser from memory.
async function download(event, state) {
  const link = event.currentTarget;
  if (link.download) return;
  event.preventDefault();
  try {
    const response = await call(link.href);
    if (!response.ok) return await answer(response);
    const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") || "");
    link.href = URL.createObjectURL(await response.blob());
    link.download = name ? decodeURIComponent(name[1]) : "smaller.pdf";
    link.click();
  } catch (error) {
    state.className = "failed";
    state.textContent = error.message;
  }
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
