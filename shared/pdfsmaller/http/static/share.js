// Results on their way out: to the disk, or to another program of the phone.

import { call, headers, refusal } from "./api.js";
import { service } from "./service.js";
import { toast } from "./dom.js";
import { t } from "./words.js";

export const canShare = Boolean(navigator.canShare?.({ files: [new File(["%PDF-"], "a.pdf", { type: "application/pdf" })] }));

// A link to a result. Where the service asks for keys a link lasts some minutes: a fresh one is asked for.
export function onDownload(event, path, job) {
  if (!service.asks_for_key) return;
  const link = event.currentTarget;
  if (link.href.startsWith("blob:")) return;
  event.preventDefault();
  fetched(path, job)
    .then((file) => {
      link.href = URL.createObjectURL(file);
      link.download = file.name;
      link.click();
    })
    .catch((error) => toast(error.message));
}

// A result as a file of this browser.
export async function fetched(path) {
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
      const paths = job.results.map((_, index) => `/api/jobs/${id}/results/${index}`);
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
export const archive = (jobs) => call("/api/archives", { json: { jobs } });
