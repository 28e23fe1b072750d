// The page's beginning: which tool is chosen, and what becomes of files that are dropped, chosen or pasted.

import { $, h, refill, say, toast } from "./dom.js";
import * as items from "./items.js";
import * as list from "./list.js";
import { optionsForm } from "./options.js";
import { operation, service } from "./service.js";
import * as work from "./work.js";
import { known, size, t } from "./words.js";

const picker = $("files");
const tools = [...document.querySelectorAll("[data-operation]")];
let current; // the operation that is shown
let table; // what lies between the sheet and the list: its options, or a board
let moment = 0;

// Tools

// Files begin at once where nothing has to be arranged or said before.
const atOnce = (spec) => spec.each_alone && Boolean(spec.preset) && !spec.several_results;

async function show(name) {
  current = operation(name) || service.operations[0];
  for (const tool of tools) {
    if (tool.dataset.operation === current.name) tool.setAttribute("aria-current", "page");
    else tool.removeAttribute("aria-current");
  }
  $("title").textContent = current.title;
  $("lead").textContent = current.lead;
  $("choose").textContent = known(`choose.${current.name}`, t("drop.choose"));
  picker.accept = current.accept;
  const limits = { size: size(service.max_file_size), n: service.max_files };
  $("limits").textContent = t(current.each_alone ? "drop.limit_each" : "drop.limit_joined", limits);
  room();
  document.title = `${current.label} · PDF Smaller`;
  const mine = (moment += 1);
  table?.close?.();
  table = null;
  refill($("stage"));
  const made = atOnce(current) ? forNewFiles(current) : await (await import("./board.js")).board(current);
  if (mine !== moment) return made.close?.(); // another tool was chosen meanwhile
  table = made;
  refill($("stage"), table.element);
}

const chosen = new Map(); // operation → the options for new files, as long as the page lives

function forNewFiles(spec) {
  const summary = h("span.chosen");
  const form = optionsForm(spec.name, { given: chosen.get(spec.name), changed: () => keep() });
  const keep = () => {
    chosen.set(spec.name, form.values());
    const { preset, target_size: target } = form.values();
    summary.textContent = [known(`preset.${preset}`, preset), target && t("options.at_most", { size: target })].filter(Boolean).join(", ");
  };
  keep();
  const element = h("details.new", {}, h("summary", {}, h("span", {}, t("options.new")), " ", summary), form, h("p.note", {}, t("options.later")));
  const add = (files) => files.forEach((file) => work.begin(spec.name, [file], { options: form.values() }));
  return { element, add };
}

// Files

const isImage = (file) => file.type.startsWith("image/") || /\.(jpe?g|png|tiff?|webp|gif|bmp|jp2|hei[cf]|avif)$/i.test(file.name);
const takesImages = (spec) => spec.accept.includes("image/");

async function take(given) {
  const fresh = given.filter((file) => !isHere(file));
  if (fresh.length < given.length) toast(t("drop.twice", { n: given.length - fresh.length }));
  const pictures = fresh.filter(isImage);
  const others = fresh.filter((file) => !isImage(file));
  if (takesImages(current)) {
    await lay(pictures);
    if (others.length) toast(t("drop.no_picture", { name: others[0].name }));
    return;
  }
  if (others.length) await lay(others);
  if (!pictures.length) return;
  const forImages = service.operations.find(takesImages);
  if (!forImages) return toast(t("drop.only_pdf"));
  if (pictures.length === 1 && !others.length && atOnce(current)) {
    // A photo becomes a small PDF in one go.
    const { preset } = chosen.get(current.name) || current;
    work.begin(forImages.name, pictures, { options: preset ? { preset } : {} });
    return say(t("said.photo"));
  }
  location.hash = forImages.name;
  await show(forImages.name);
  await lay(pictures);
}

async function lay(files) {
  if (!files.length) return;
  while (!table) await new Promise((done) => setTimeout(done, 20)); // the tool's module is on its way
  table.add(files);
  if (files.length > 1) say(t("said.added", { n: files.length }));
}

// The same file a second time, unless the first has failed.
function isHere({ name, size: bytes }) {
  const same = items.items.find(
    (item) => item.operation === current.name && item.files.length === 1 && item.files[0].name === name && item.files[0].bytes === bytes,
  );
  return Boolean(same) && same.phase !== "failed" && same.job?.status !== "failed";
}

picker.addEventListener("change", () => {
  const files = [...picker.files];
  picker.value = ""; // the same file may be chosen again
  take(files);
});

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files || [])];
  if (files.length) take(files);
});

let over = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const veil = (shown) => document.body.classList.toggle("dropping", shown);

addEventListener("dragenter", (event) => carriesFiles(event) && veil((over += 1) > 0));
addEventListener("dragleave", (event) => carriesFiles(event) && veil((over = Math.max(0, over - 1)) > 0));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  veil((over = 0) > 0);
  take([...event.dataTransfer.files]);
});

// Language

const preferred = readPreference();
if (preferred && preferred !== document.documentElement.lang && !new URLSearchParams(location.search).has("lang")) {
  if (document.querySelector(`[data-lang="${CSS.escape(preferred)}"]`)) location.replace(`?lang=${preferred}${location.hash}`);
}
for (const link of document.querySelectorAll("[data-lang]")) {
  link.addEventListener("click", () => {
    try {
      localStorage.setItem("pdfsmaller.language", link.dataset.lang);
    } catch {
      // then the link alone says it
    }
    link.hash = location.hash;
  });
}

function readPreference() {
  try {
    return localStorage.getItem("pdfsmaller.language");
  } catch {
    return null;
  }
}

// A tab that is closed while something is sent: what lies on the disk goes on, what is too large does not.
addEventListener("beforeunload", (event) => items.items.some((item) => item.phase === "sending") && event.preventDefault());

$("key-form")?.addEventListener("submit", (event) => event.preventDefault());
addEventListener("offline", () => toast(t("error.offline")));
addEventListener("online", () => toast(t("said.online")));
// Once there is something to see, what files are dropped on takes less room.
const room = () => document.body.classList.toggle("busy-page", items.listed().length + items.onBoard(current.name).length > 0);
items.onChange(room);
addEventListener("hashchange", () => show(location.hash.slice(1)));
list.start();
show(location.hash.slice(1));
work.resume();
document.documentElement.dataset.ready = "";
