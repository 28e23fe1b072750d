// What pdf.js reads and draws of PDFs: node pdfjs.mjs MODULES FOLDER PAGES FILE …
//
// For each file a line of JSON: {pages, text, drawn} or {error}. Pages (1,5,9) are drawn into FOLDER, as
// NUMBER_OF_FILE-PAGE.png with some 1,100 pixels on the longer side. MODULES is the node_modules with pdfjs-dist.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const LONGER_SIDE = 1100;
const TEXT_PAGES = 50;

const [modules, folder, numbers, ...files] = process.argv.slice(2);
const home = join(modules, "pdfjs-dist");
const pdfjs = await import(pathToFileURL(join(home, "legacy", "build", "pdf.mjs")));

for (const [index, file] of files.entries()) {
  let told;
  try {
    told = await read(index, file);
  } catch (error) {
    told = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(told));
}
process.exit(0);

async function read(index, file) {
  const task = pdfjs.getDocument({
    data: new Uint8Array(await readFile(file)),
    verbosity: pdfjs.VerbosityLevel.ERRORS,
    cMapUrl: join(home, "cmaps/"),
    cMapPacked: true,
    standardFontDataUrl: join(home, "standard_fonts/"),
    wasmUrl: join(home, "wasm/"),
    iccUrl: join(home, "iccs/"),
    useSystemFonts: false,
  });
  const pdf = await task.promise;
  let text = "";
  for (let number = 1; number <= Math.min(pdf.numPages, TEXT_PAGES); number++) {
    const { items } = await (await pdf.getPage(number)).getTextContent();
    text += items.map((item) => item.str ?? "").join("");
  }
  const drawn = [];
  for (const number of numbers.split(",").map(Number)) {
    if (number > pdf.numPages) continue;
    const path = join(folder, `${index}-${number}.png`);
    await writeFile(path, await draw(pdf, number));
    drawn.push(number);
  }
  await task.destroy();
  return { pages: pdf.numPages, text: text.replace(/\s/g, ""), drawn };
}

async function draw(pdf, number) {
  const page = await pdf.getPage(number);
  const { width, height } = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: LONGER_SIDE / Math.max(width, height) });
  const { canvas, context } = pdf.canvasFactory.create(Math.ceil(viewport.width), Math.ceil(viewport.height));
  await page.render({ canvasContext: context, viewport }).promise;
  return canvas.encode("png");
}
