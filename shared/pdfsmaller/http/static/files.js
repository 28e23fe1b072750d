// The files of uploads that have not ended, kept in IndexedDB so that a reload can go on with them.

const LARGEST = 300_000_000; // what is larger would fill the disk a second time for the sake of a reload
const held = new Map(); // item id → files, as long as this tab lives
let opened;

function database() {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open("pdfsmaller", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("files");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  return opened;
}

async function within(mode, work) {
  try {
    const store = (await database()).transaction("files", mode).objectStore("files");
    return await new Promise((done, failed) => {
      const asked = work(store);
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
  } catch {
    return undefined; // private windows may refuse: then a reload has to be told of
  }
}

export function keep(id, files) {
  held.set(id, files);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (bytes <= LARGEST) within("readwrite", (store) => store.put(files, id));
}

export async function filesOf(id) {
  if (!held.has(id)) {
    const found = await within("readonly", (store) => store.get(id));
    if (found) held.set(id, found);
  }
  return held.get(id);
}

// The files of this tab, without waiting.
export const atHand = (id) => held.get(id);

// The service has them: what is on the disk goes, this tab's own handle may stay.
export function stored(id) {
  within("readwrite", (store) => store.delete(id));
}

export function drop(id) {
  held.delete(id);
  stored(id);
}

// What belongs to no item any more goes too.
export async function tidy(ids) {
  const kept = await within("readonly", (store) => store.getAllKeys());
  for (const id of kept || []) if (!ids.includes(id)) stored(id);
}
