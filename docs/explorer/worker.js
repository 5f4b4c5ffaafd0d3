// Python in a web worker. It answers the newest state alone, part by part: between two parts it looks whether a newer one has come.
import { readImage, start, storeImage } from "./python.js";

let newest = null, wake = null, superseded = {};

self.onmessage = ({ data }) => {
  newest = data;
  if (wake) wake();
};

const say = (message) => postMessage(message);
const breath = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function work(ask, { id, state }) {
  const text = JSON.stringify(state);
  const part = async (name, asked = text, more = {}) => {
    await breath();
    if (newest.id !== id) throw superseded;
    const started = performance.now(), answer = JSON.parse(ask(name, asked));
    say({ id, part: name, answer, milliseconds: performance.now() - started, ...more });
    return answer;
  };
  await part("program");
  await part("expansion");
  await part("limit");
  const { parts } = await part("finite");
  for (let chunk = 0; chunk < (parts ?? 0); chunk += 1) {
    const { refused } = await part("finite_curve", JSON.stringify({ ...state, chunk }), { chunk, parts });
    if (refused) break;
  }
  await part("hints");
  say({ id, part: "done" });
}

// Of a Python error its last line, which says what happened; the lines above say where.
const lastLine = (error) => String(error?.message ?? error).trim().split("\n").at(-1);

try {
  const settings = await (await fetch("settings.json")).json();
  const image = await readImage(settings), stage = (text) => say({ stage: text });
  let running;
  try {
    running = await start(settings, image, stage);
  } catch (error) {
    if (!image) throw error;
    running = await start(settings, null, stage);
  }
  const { ask } = running;
  say({ part: "names", answer: JSON.parse(ask("names", "{}")), laps: running.laps });
  for (let done = null, stored = running.restored; ; ) {
    if (newest === null || newest.id === done) await new Promise((resolve) => { wake = resolve; });
    const asked = newest;
    try {
      await work(ask, asked);
    } catch (error) {
      if (error !== superseded) say({ id: asked.id, part: "failed", text: lastLine(error) });
    }
    done = asked.id;
    await breath(stored ? 0 : 500);
    if (!stored && newest.id === done) {
      stored = true;
      say({ part: "image", stored: await storeImage(settings, running) });
    }
  }
} catch (error) {
  say({ part: "broken", text: lastLine(error) });
}
