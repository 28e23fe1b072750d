// Results on their way out: to the disk, or to another program of the phone.

import { call, headers, here, refusal } from "./api.js";
import { service } from "./service.js";
import { h, icon, toast } from "./dom.js";
import { t } from "./words.js";

export const canShare = Boolean(navigator.canShare?.({ files: [new File(["%PDF-"], "a.pdf", { type: "application/pdf" })] }));

// A link to all results of a job, or to one. Where the service asks for keys it lasts some minutes: a fresh one is
// asked for.
export function download(job, index, words, className, picture) {
  const path = `api/jobs/${job.job_id}/${index === undefined ? "download" : `results/${index}`}`;
  const refresh = async (event) => {
    if (!service.asks_for_key) return;
    event.preventDefault();
    try {
      const now = await call(`api/jobs/${job.job_id}`);
      location.assign(here(index === undefined ? now.links.download : now.results[index].download_url));
    } catch (error) {
      toast(error.message);
    }
  };
  return h(`a.${className}`, { href: path, onclick: refresh, "data-focus": path }, picture && icon(picture), words);
}

// A result as a file of this browser.
async function fetched(path) {
  const response = await fetch(path, { headers: { ...headers(), Accept: "*/*" } });
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => ({})));
  const blob = await response.blob();
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") || "");
  const plain = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") || "");
  return new File([blob], name ? decodeURIComponent(name[1]) : plain?.[1] || "smaller.pdf", { type: blob.type });
}

const ready = new Map(); // job id → its files, fetched by a first touch that was too old to share with

export async function share(job) {
  const id = job.job_id;
  try {
    if (!ready.has(id)) {
      const paths = job.results.map((_, index) => `api/jobs/${id}/results/${index}`);
      ready.set(id, await Promise.all(paths.map((path) => fetched(path))));
    }
    await navigator.share({ files: ready.get(id) });
    ready.delete(id);
  } catch (error) {
    if (error.name === "NotAllowedError") toast(t("share.again"));
    else if (error.name !== "AbortError") toast(error.message);
  }
}

// All results as one ZIP, made by the service.
export const archive = (jobs) => call("api/archives", { json: { jobs } });
