// Pyodide with the packages, started from their wheels, or much faster from an image of its memory that an earlier start left in the browser's
// cache. The image holds the files and the memory, not the compiled code: the dynamic libraries are loaded first, in the same order into the
// same fresh heap, so that they stand where they stood, and then the memory is put back.
const CACHE = "hermite-eq-explorer";
// Without the descriptions of distributions, which Pyodide would count when it starts.
const KEPT = /\.(py|so)$/, LEFT_OUT = /\/tests?\/|\/_?tests?_|conftest/;
const SITE = "/lib/python3.14/site-packages/";

const imageKey = (settings) => new URL(`image/${settings.build}`, location.href).href;

export async function readImage(settings) {
  try {
    const cache = await caches.open(CACHE), found = await cache.match(imageKey(settings));
    if (!found) return null;
    const bytes = new Uint8Array(await found.arrayBuffer()), end = bytes.indexOf(10);
    const { files, place, memory } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    let at = end + 1;
    const take = (length) => bytes.subarray(at, (at += length));
    return { files: files.map(([name, length]) => [name, take(length)]), place, memory: take(memory).slice() };
  } catch {
    return null;
  }
}

export async function storeImage(settings, { python, files, place }) {
  // A phone with little memory starts from the wheels each time.
  if ((navigator.deviceMemory ?? 8) < 4) return false;
  try {
    python.runPython("import gc; gc.collect()");
    const memory = python.makeMemorySnapshot(), cache = await caches.open(CACHE);
    for (const old of await cache.keys()) await cache.delete(old);
    const head = JSON.stringify({ files: files.map(([name, bytes]) => [name, bytes.length]), place, memory: memory.length });
    await cache.put(imageKey(settings), new Response(new Blob([`${head}\n`, ...files.map(([, bytes]) => bytes), memory])));
    return true;
  } catch (error) {
    console.info(`The next start will not be faster: ${error}`);
    return false;
  }
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function inflated(bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer());
}

// The files of a wheel that are needed at run time, by the table at the end of a zip archive.
async function unpacked(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), found = [];
  let end = bytes.length - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end -= 1;
  for (let i = 0, at = view.getUint32(end + 16, true); i < view.getUint16(end + 10, true); i += 1) {
    const [method, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)), local = view.getUint32(at + 42, true);
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    if (KEPT.test(path) && !LEFT_OUT.test(path)) {
      const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true), data = bytes.subarray(from, from + size);
      found.push((method === 8 ? inflated(data) : Promise.resolve(data)).then((content) => [SITE + path, content]));
    }
    at += 46 + name + extra + comment;
  }
  return Promise.all(found);
}

async function fromWheels(settings, base, stage) {
  stage("Packages are being fetched.");
  const lock = JSON.parse(new TextDecoder().decode(await fetched(`${base}pyodide-lock.json`)));
  const urls = settings.packages.map((name) => base + lock.packages[name].file_name).concat(settings.wheels);
  const files = (await Promise.all(urls.map((url) => fetched(url).then(unpacked)))).flat();
  return [...files, [`${SITE}explorer.py`, await fetched("explorer.py")]];
}

export async function start(settings, image, stage) {
  const laps = {}, began = performance.now(), lap = (name) => { laps[name] = Math.round(performance.now() - began); };
  const base = new URL(settings.pyodide, location.href).href;
  const [files, { loadPyodide }, { default: createModule }] = await Promise.all([
    image ? image.files : fromWheels(settings, base, stage), import(`${base}pyodide.mjs`), import(`${base}pyodide.asm.mjs`),
  ]);
  lap("files");
  stage(image ? "Python is starting from its stored image." : "Python is starting; the next start will be faster.");
  let place;
  const createPyodideModule = (emscripten) => {
    emscripten.onRuntimeInitialized = () => {
      const { FS, LDSO } = emscripten, folders = new Set();
      for (const [name, bytes] of files) {
        const folder = name.slice(0, name.lastIndexOf("/"));
        if (!folders.has(folder)) FS.mkdirTree(folder);
        folders.add(folder);
        FS.writeFile(name, bytes, { canOwn: true });
      }
      lap("written");
      for (const [name] of files) {
        if (!name.endsWith(".so") || LDSO.loadedLibsByName[name]) continue;
        emscripten.loadDynamicLibrary(name, { global: false, nodelete: true, loadAsync: false }, {});
      }
      place = [emscripten._sbrk(0), emscripten.wasmTable.length];
      if (image && place.join() !== image.place.join()) throw new Error("the libraries stand elsewhere than in the image");
      while (image && emscripten.HEAP8.length < image.memory.length) emscripten._sbrk(1 << 20);
      lap("libraries");
    };
    return createModule(emscripten);
  };
  const python = await loadPyodide({ indexURL: base, createPyodideModule, ...(image ? { _loadSnapshot: image.memory } : { _makeSnapshot: true }) });
  lap("core");
  if (!image) stage("hermite_eq is being imported.");
  const ask = python.pyimport("explorer").answer_json;
  lap("imported");
  return { python, ask, files, place, laps, restored: Boolean(image) };
}
