// Jobs for files that are to be sent: one request for all that wait with the same options, however many were dropped.

import { call } from "./api.js";
import { bytesOf } from "./items.js";
import { operation, service } from "./service.js";

const prepared = new Map(); // item id → a promise of {job, uploads}
let most = service.max_files; // in one request; fewer where so many are over a caller's limit

// What brings an item's files to the store. `waiting` are those that have none yet; `told` hears of a job for each.
export async function reserve(item, waiting, told) {
  if (!prepared.has(item.id)) ask(item, waiting, told);
  try {
    return await prepared.get(item.id);
  } finally {
    prepared.delete(item.id);
  }
}

function ask(item, waiting, told) {
  const group = joinable(item) ? together(item, waiting) : [item];
  const files = group.flatMap((one) => one.files.map(({ name, bytes }) => ({ name, size: bytes })));
  const answer = call("api/uploads", { json: { operation: item.operation, options: item.options, files } });
  answer.catch((error) => error.status === 429 && (most = Math.max(1, Math.floor(group.length / 2))));
  for (const [index, { id }] of group.entries()) {
    const part = answer.then((all) => {
      const own = group.length > 1 ? { job: all.jobs[index], uploads: [all.uploads[index]] } : all;
      told(id, own.job);
      return own;
    });
    prepared.set(id, part);
    part.catch(() => prepared.delete(id)); // who waits for it hears why
  }
}

const joinable = (item) => item.files.length === 1 && operation(item.operation)?.each_alone !== false && !item.job;

// As many as one request takes.
function together(item, waiting) {
  const group = [item];
  let bytes = bytesOf(item);
  for (const other of waiting) {
    const alike = other.operation === item.operation && JSON.stringify(other.options) === JSON.stringify(item.options);
    if (other === item || !alike || !joinable(other) || prepared.has(other.id)) continue;
    bytes += bytesOf(other);
    if (group.length >= most || bytes > service.max_request_size) break;
    group.push(other);
  }
  return group;
}
