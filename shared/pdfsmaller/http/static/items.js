// What this browser has sent, until it expires: kept in localStorage, so that a reload or a closed tab loses nothing.
//
// An item is one thing that somebody wanted done: {id, operation, board, options, files: [{name, bytes}], phase, job,
// made, error}. `phase` is "held" (chosen, not sent), "waiting" (for its turn), "sending", "job" (the service has it)
// or "failed" (before the service had it). `job` is the service's last word on it; `made` are the jobs done before
// with other options. `board` names the tool on whose table it lies instead of in the list.

const KEY = "pdfsmaller.items";
const listeners = new Set();
export let items = read();

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || [];
  } catch {
    return []; // another version's, or storage is not allowed: then this tab alone remembers
  }
}

function write() {
  try {
    // How much was sent changes many times a second; a password is for this tab alone.
    const kept = items.map(({ sent, ...item }) => ({ ...item, options: { ...item.options, password: undefined } }));
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // full, or not allowed
  }
}

export const find = (id) => items.find((item) => item.id === id);
export const listed = () => items.filter((item) => !item.board);
export const onBoard = (board) => items.filter((item) => item.board === board);
export const bytesOf = (item) => item.files.reduce((sum, file) => sum + file.bytes, 0);
export const nameOf = (item) => item.files[0].name;
export const isFinal = (job) => ["succeeded", "failed", "cancelled", "expired"].includes(job.status);
export const isDone = (item) => item.phase === "job" && item.job.status === "succeeded";

export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Have `listener` hear the id of whatever changes; the answer makes it stop.
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(id) {
  for (const listener of listeners) listener(id);
}

export function add(item) {
  const made = { id: newId(), board: null, options: {}, made: [], job: null, error: "", ...item };
  items = made.board ? [...items, made] : [made, ...items]; // the list has the newest first, a table keeps the order
  write();
  tell(made.id);
  return made;
}

// Progress is told, not written down: it changes many times a second.
export function change(id, fields) {
  const item = find(id);
  if (!item) return null;
  Object.assign(item, fields);
  if (!(Object.keys(fields).length === 1 && "sent" in fields)) write();
  tell(id);
  return item;
}

export function forget(id) {
  items = items.filter((item) => item.id !== id);
  write();
  tell(id);
}

// Put the items of a board into this order.
export function arrange(ids) {
  const ordered = ids.map(find);
  items = [...ordered, ...items.filter((item) => !ids.includes(item.id))];
  write();
  tell(ids[0]);
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const before = items;
  items = read();
  for (const { id } of [...before, ...items]) tell(id);
});
