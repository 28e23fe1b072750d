// Original and result side by side, page by page: one lies over the other, and a divider says how much of it.

import { call, here } from "./api.js";
import { button, h } from "./dom.js";
import { follow, unfollow } from "./follow.js";
import { nameOf } from "./items.js";
import { outcomeOf } from "./report.js";
import { secretOf } from "./work.js";
import { percent, size, t } from "./words.js";

const AT_ONCE = 4; // pages pictured by one job
const PIXELS = 1400; // of the longer side: sharp at twice the size of most screens' pages
const ZOOMS = [1, 1.5, 2, 3, 4];

let dressed;

// The looks of this dialog, once somebody wants it.
function dress() {
  dressed ??= new Promise((done) => document.head.append(h("link", { rel: "stylesheet", href: new URL("compare.css", import.meta.url).href, onload: done, onerror: done })));
  return dressed;
}

export async function compare(item) {
  await dress();
  const { job } = item;
  const { before, after } = outcomeOf(item);
  const count = job.result.report.pages;
  const pictured = new Map(); // first page of some → {before, after}: promises of their addresses
  const made = []; // ids of the jobs that pictured them, to be deleted
  let page = 1;
  let zoom = 0;

  const left = h("img", { alt: "", draggable: false });
  const right = h("img", { alt: "", draggable: false });
  const divider = h("div.divider", { "aria-hidden": "true" });
  const pair = h("div.pair", {}, right, h("div.over", {}, left), divider);
  const stage = h("div.stage", { tabIndex: 0, role: "group", "aria-label": t("compare.stage") }, pair);
  const slider = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": t("compare.slider"), oninput: () => divide(slider.value) });
  const state = h("p.note", { role: "status" });
  const where = h("span", { "aria-live": "polite" });
  const scale = h("span");
  const back = button("bare", "before", t("compare.back"), () => turn(-1));
  const on = button("bare", "after", t("compare.on"), () => turn(1));
  const out = button("bare", "minus", t("compare.out"), () => grow(-1));
  const into = button("bare", "plus", t("compare.in"), () => grow(1));
  const dialog = h(
    "dialog.compare",
    { "aria-label": t("compare.title", { name: nameOf(item) }), onclose: close, onkeydown: keys },
    h("header", {}, h("p.name", {}, nameOf(item)), button("bare", "x", t("compare.close"), () => dialog.close())),
    h("div.sides", {}, h("span", {}, `${t("compare.original")}, ${size(before)}`), h("span", {}, `${t("compare.result")}, ${size(after)}`)),
    stage,
    slider,
    h("footer", {}, h("div.actions", {}, back, where, on), state, h("div.actions", {}, out, scale, into)),
  );

  // Pictures of some pages, of the file as it was sent or as it came out.
  async function pictures(source, first) {
    const pages = `${first}-${Math.min(count, first + AT_ONCE - 1)}`;
    const password = secretOf(item.id);
    const options = { pages, width: PIXELS, ...(password && { password }) };
    const begun = await call(here(job.links.again), { json: { operation: "preview", options, inputs: [{ job_id: job.job_id, ...source }] } });
    made.push(begun.job_id);
    const done = await new Promise((ready, failed) => {
      follow(begun, (now) => (now.status === "succeeded" ? ready(now) : now.error && failed(new Error(now.error.message))), () => failed(new Error(t("error.job_expired"))));
    });
    return done.results.map((result) => here(result.download_url));
  }

  async function show() {
    const asked = page;
    const first = asked - ((asked - 1) % AT_ONCE);
    where.textContent = t("compare.page", { n: asked, of: count });
    back.disabled = asked === 1;
    on.disabled = asked === count;
    state.textContent = t("compare.wait");
    try {
      if (!pictured.has(first)) {
        pictured.set(first, Promise.all([pictures({ input: 0 }, first), pictures({ result: 0 }, first)]));
      }
      const [originals, results] = await pictured.get(first);
      if (page !== asked) return;
      left.src = originals[asked - first];
      right.src = results[asked - first];
      await Promise.all([left.decode(), right.decode()]);
      pair.style.setProperty("--ratio", right.naturalWidth / right.naturalHeight);
      if (page === asked) state.textContent = "";
      dialog.dataset.shown = asked;
    } catch (error) {
      pictured.delete(first);
      if (page === asked) state.textContent = error.message || t("compare.none");
    }
  }

  function turn(step) {
    const next = Math.min(count, Math.max(1, page + step));
    if (next === page) return;
    page = next;
    stage.scrollTo(0, 0);
    show();
  }

  function grow(step) {
    const middle = [(stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth, (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight];
    zoom = Math.min(ZOOMS.length - 1, Math.max(0, zoom + step));
    stage.style.setProperty("--zoom", ZOOMS[zoom]);
    stage.classList.toggle("zoomed", zoom > 0);
    stage.scrollTo(middle[0] * stage.scrollWidth - stage.clientWidth / 2, middle[1] * stage.scrollHeight - stage.clientHeight / 2);
    scale.textContent = percent(ZOOMS[zoom]);
    out.disabled = zoom === 0;
    into.disabled = zoom === ZOOMS.length - 1;
  }

  function divide(share) {
    slider.value = share;
    pair.style.setProperty("--share", `${share}%`);
  }

  function keys(event) {
    if (event.target === slider) return;
    if (event.key === "PageDown") turn(1);
    else if (event.key === "PageUp") turn(-1);
    else if (event.key === "+") grow(1);
    else if (event.key === "-") grow(-1);
    else return;
    event.preventDefault();
  }

  // Zoomed in, only the divider is dragged, so that fingers may move the page.
  pair.addEventListener("pointerdown", (event) => {
    if (zoom > 0 && event.target !== divider) return;
    event.preventDefault();
    const { left: from, width } = pair.getBoundingClientRect();
    const follow = ({ clientX }) => divide(Math.min(100, Math.max(0, (100 * (clientX - from)) / width)));
    pair.setPointerCapture(event.pointerId);
    follow(event);
    pair.addEventListener("pointermove", follow);
    pair.addEventListener("lostpointercapture", () => pair.removeEventListener("pointermove", follow), { once: true });
  });

  function close() {
    dialog.remove();
    for (const id of made) {
      unfollow(id);
      call(`api/jobs/${id}`, { method: "DELETE" }).catch(() => {}); // they are deleted in time anyway
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  divide(50);
  grow(0);
  show();
}
