// A tool's table: files lie on it, are put in order and told about, and then become one job (or one each).

import { $, button, h, icon, refill, say, toast } from "./dom.js";
import * as files from "./files.js";
import * as store from "./items.js";
import { optionsForm } from "./options.js";
import { service } from "./service.js";
import * as work from "./work.js";
import { call, here as path } from "./api.js";
import { size, t } from "./words.js";

const PICTURED = ["merge", "split"]; // tools that show pages, for which files are sent ahead
const tools = { merge: "./merge.js", split: "./split.js", "image-to-pdf": "./images.js" };

// The table of an operation: its element, and `add(files)`.
export async function board(spec) {
  const tool = tools[spec.name] ? (await import(tools[spec.name])).tool(spec) : {};
  const ahead = PICTURED.includes(spec.name);
  const form = optionsForm(spec.name, { without: tool.without, front: tool.front, changed: () => paint() });
  const tiles = h(`ol.tiles.${tool.layout || "rows"}`, { "aria-label": t("board.order") });
  const go = h("button.button.big", { type: "button", id: "go", onclick: start }, spec.label);
  const note = h("p.note", { id: "go-note" });
  const element = h("section.board", { hidden: true, "aria-label": spec.label }, tiles, tool.element, h("details.new", { open: Boolean(tool.front) || !spec.preset }, h("summary", {}, t("board.options")), form), h("div.actions.end", {}, note, go));
  const here = () => store.onBoard(spec.name);

  function add(given) {
    for (const file of given) {
      if (ahead) work.begin("preview", [file], { board: spec.name, options: {} });
      else work.begin(spec.name, [file], { board: spec.name, hold: true });
    }
  }

  function update(id) {
    const known = tiles.querySelector(`[data-id="${id}"]`);
    const item = store.find(id);
    if (Boolean(known) !== Boolean(item?.board === spec.name)) arrangeTiles();
    else if (known) drawTile(known, item);
    if (known || item?.board === spec.name) paint();
  }

  function arrangeTiles() {
    const before = new Map([...tiles.children].map((tile) => [tile.dataset.id, tile]));
    refill(tiles, here().map((item) => before.get(item.id) || drawTile(h("li.tile", { "data-id": item.id }), item)));
    for (const tile of tiles.children) drawTile(tile, store.find(tile.dataset.id));
  }

  function drawTile(tile, item) {
    const at = here().indexOf(item);
    const shape = [item.phase, item.job?.status, item.error, at, here().length].join();
    if (tile.dataset.shape !== shape) {
      tile.dataset.shape = shape;
      tile.classList.toggle("bad", Boolean(work.errorOf(item)));
      refill(tile, inside(item, at));
    }
    const bar = tile.querySelector("progress");
    if (bar) {
      if (item.phase === "sending") bar.value = (100 * (item.sent || 0)) / store.bytesOf(item);
      else bar.removeAttribute("value");
    }
    return tile;
  }

  function inside(item, at) {
    const name = store.nameOf(item);
    const error = work.errorOf(item);
    const busy = !error && item.phase !== "held" && !(item.job && store.isFinal(item.job));
    const last = here().length - 1;
    const mover = (step, picture, key) => button("bare", picture, t(key, { name }), () => move(item.id, step), { disabled: at + step < 0 || at + step > last, "data-focus": `${item.id}${step}` });
    return [
      h(
        "div.tile-head",
        {},
        !spec.each_alone && last > 0 && grip(item),
        h("p.name", { title: name }, name, h("small", {}, ` ${tool.info?.(item) || size(store.bytesOf(item))}`)),
        h(
          "span.tile-tools",
          {},
          !spec.each_alone && last > 0 && [mover(-1, "before", "board.earlier"), mover(1, "after", "board.later")],
          button("bare", "x", t("board.take_off", { name }), () => takeOff(item.id), { "data-focus": `${item.id}x` }),
        ),
      ),
      busy && h("progress", { max: 100, "aria-label": t("state.sending_name", { name }) }),
      error && h("p.failed", {}, error),
      tool.picture?.(item),
    ].flat();
  }

  function takeOff(id) {
    work.remove(id);
    (tiles.querySelector("button") || $("files")).focus();
  }

  function move(id, step) {
    const ids = here().map((item) => item.id);
    const at = ids.indexOf(id);
    ids.splice(at + step, 0, ...ids.splice(at, 1));
    reorder(ids, id);
    // At the end of its way a button is disabled and cannot keep the focus.
    const way = tiles.querySelector(`[data-focus="${id}${step}"]`);
    (way.disabled ? tiles.querySelector(`[data-focus="${id}${-step}"]`) : way).focus();
  }

  function reorder(ids, id) {
    store.arrange(ids);
    arrangeTiles();
    say(t("board.moved", { name: store.nameOf(store.find(id)), n: ids.indexOf(id) + 1, of: ids.length }));
  }

  // Dragging by mouse, pen or finger; the two buttons do the same for keyboards.
  function grip(item) {
    const handle = h("span.grip", { title: t("board.drag"), "aria-hidden": "true" });
    handle.addEventListener("pointerdown", (event) => {
      const tile = handle.closest("li");
      event.preventDefault();
      tiles.setPointerCapture(event.pointerId); // what is moved about would lose it
      tile.classList.add("dragged");
      const follow = ({ clientX, clientY }) => {
        const other = document.elementFromPoint(clientX, clientY)?.closest("li.tile");
        if (!other || other === tile || other.parentNode !== tiles) return;
        const later = tile.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
        tiles.insertBefore(tile, later ? other.nextSibling : other);
      };
      const end = () => {
        tiles.removeEventListener("pointermove", follow);
        tile.classList.remove("dragged");
        reorder([...tiles.children].map((one) => one.dataset.id), item.id);
      };
      tiles.addEventListener("pointermove", follow);
      tiles.addEventListener("lostpointercapture", end, { once: true });
    });
    return handle;
  }

  // What depends on all of them: whether it can begin, and what the tool shows.
  function paint() {
    const lying = here();
    element.hidden = lying.length === 0;
    const usable = lying.filter((item) => item.phase === "held" || item.job?.links.again);
    const waiting = lying.some((item) => !work.errorOf(item) && item.phase !== "held" && !(item.job && store.isFinal(item.job)));
    const few = spec.name === "merge" && usable.length < 2;
    const many = !spec.each_alone && usable.length > service.max_files;
    go.disabled = waiting || !usable.length || few || many;
    note.textContent = waiting ? t("board.wait") : few ? t("board.two") : many ? t("board.many", { n: service.max_files }) : "";
    tool.paint?.(lying, form.values());
  }

  async function start() {
    const usable = here().filter((item) => item.phase === "held" || item.job?.links.again);
    const options = { ...form.values(), ...tool.options?.(usable) };
    const missing = tool.missing?.(options, usable);
    if (missing) return toast(missing);
    go.disabled = true;
    try {
      if (usable.some((item) => item.phase === "held")) await sendHeld(usable, options);
      else await sendAgain(usable, options);
      $("mine").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    } catch (error) {
      toast(error.message);
    }
    paint();
  }

  // Files that are only chosen: sent now, as one job or one each.
  async function sendHeld(usable, options) {
    if (spec.each_alone) return usable.forEach((item) => work.release(item.id, { board: null, options }));
    const given = [];
    for (const item of usable) given.push(...((await files.filesOf(item.id)) || []));
    work.begin(spec.name, given, { options });
    for (const { id } of usable) {
      files.drop(id);
      store.forget(id);
    }
  }

  // Files that the service has already: nothing is sent twice.
  async function sendAgain(usable, options) {
    const groups = spec.each_alone ? usable.map((item) => [item]) : [usable];
    for (const group of groups) {
      const inputs = group.map((item) => ({ job_id: item.job.job_id, input: 0 }));
      const job = await call(path(group[0].job.links.again), { json: { operation: spec.name, options, inputs } });
      const { password, ...shown } = options;
      const item = store.add({ operation: spec.name, options: shown, files: group.flatMap((one) => one.files), phase: "job", job });
      work.watch(item.id);
    }
    say(t("said.begun"));
  }

  const close = store.onChange(update);
  arrangeTiles();
  paint();
  return { element, add, close };
}
