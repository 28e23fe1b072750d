// How jobs stand, told as it changes: by events where the service sends them, by asking elsewhere.

import { call, here } from "./api.js";
import { isFinal } from "./items.js";

const STREAMS = 2; // a browser opens six connections to a host, and pages and uploads need some too
const SOON = 400; // milliseconds between questions, growing with each
const LATE = 4000;
const followed = new Map(); // job id → stops following
let streams = 0;

// Tell `told` of the job now and whenever it changes, until it ends. `lost` hears that it is not known any more.
export function follow(job, told, lost) {
  const id = job.job_id;
  if (followed.has(id)) return;
  let timer, source;
  let wait = SOON;
  const stop = () => {
    clearTimeout(timer);
    if (source) streams -= 1;
    source?.close();
    source = null;
    followed.delete(id);
  };
  const heard = (now) => {
    if (!followed.has(id)) return;
    if (isFinal(now)) stop();
    told(now);
  };
  const ask = async () => {
    clearTimeout(timer);
    try {
      heard(await call(`api/jobs/${id}`));
    } catch (error) {
      if (error.status === 404) return stop(), lost();
      wait = Math.max(wait, error.wait * 1000); // the rest is the network's, and passes
    }
    if (!followed.has(id)) return;
    wait = Math.min(LATE, wait * 1.25);
    timer = setTimeout(ask, wait);
  };
  const listen = () => {
    streams += 1;
    source = new EventSource(here(job.links.events));
    source.addEventListener("job", (event) => heard(JSON.parse(event.data)));
    source.onerror = () => {
      // It ended, or the network did: asking goes on where it stopped.
      streams -= 1;
      source.close();
      source = null;
      ask();
    };
  };
  followed.set(id, stop);
  followed.get(id).ask = () => ((wait = SOON), source || ask());
  if (job.links?.events && streams < STREAMS) listen();
  else ask();
}

export function unfollow(id) {
  followed.get(id)?.();
}

// Back from a locked screen or without a network: ask at once.
function wake() {
  for (const stop of followed.values()) stop.ask();
}
addEventListener("online", wake);
addEventListener("pageshow", (event) => event.persisted && wake());
document.addEventListener("visibilitychange", () => document.hidden || wake());
