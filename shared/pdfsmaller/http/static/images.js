// Images to PDF: each on the paper that it will come to lie on.

import { h, icon } from "./dom.js";
import * as files from "./files.js";
import { size, t } from "./words.js";

const PAPERS = { A4: [595, 842], letter: [612, 792] }; // points
const POINTS = { pt: 1, mm: 72 / 25.4, cm: 72 / 2.54, in: 72 };

export function tool() {
  const papers = new Map(); // item id → its paper

  function picture(item) {
    if (!papers.has(item.id)) {
      const paper = h("div.paper");
      papers.set(item.id, paper);
      files.filesOf(item.id).then((found) => found && draw(paper, found[0]));
    }
    return h("div.desk", {}, papers.get(item.id));
  }

  function draw(paper, file) {
    const image = h("img", { alt: "" });
    image.onload = () => {
      URL.revokeObjectURL(image.src);
      paper.dataset.shape = `${image.naturalWidth} ${image.naturalHeight}`;
      repaint();
    };
    // HEIC in most browsers: the service reads it all the same.
    image.onerror = () => paper.replaceChildren(h("span.unshown", {}, icon("file"), t("images.unshown")));
    image.src = URL.createObjectURL(file);
    paper.append(image);
  }

  let values = {};
  function repaint() {
    for (const paper of papers.values()) fit(paper, values);
  }

  return {
    layout: "grid",
    front: ["page_size", "orientation", "margin"],
    info: (item) => size(item.files[0].bytes),
    picture,
    paint: (_, chosen) => {
      values = chosen;
      repaint();
    },
  };
}

// The paper's shape, and how far the image stays from its edges.
function fit(paper, { page_size: name, orientation, margin }) {
  const [wide, high] = (paper.dataset.shape || "3 4").split(" ").map(Number);
  const edge = points(margin);
  let [width, height] = PAPERS[name] || [wide * 0.75 + 2 * edge, high * 0.75 + 2 * edge];
  const lying = orientation === "landscape" || (orientation !== "portrait" && wide > high);
  if (PAPERS[name] && lying) [width, height] = [height, width];
  paper.style.setProperty("--ratio", width / height);
  const image = paper.querySelector("img");
  if (!image) return;
  const [x, y] = [(100 * edge) / width, (100 * edge) / height];
  Object.assign(image.style, { left: `${x}%`, top: `${y}%`, width: `${100 - 2 * x}%`, height: `${100 - 2 * y}%` });
}

// "10mm", "0.5in", or points.
function points(text = "") {
  const match = /^\s*([\d.]+)\s*(pt|mm|cm|in)?\s*$/.exec(text);
  return match ? Math.min(200, Number(match[1]) * POINTS[match[2] || "pt"]) || 0 : 0;
}
