import { draw, short } from "./chart.js";
import { formula } from "./mathml.js";

const at = (id) => document.getElementById(id);
const SIGNS = { alpha: "α", kappa: "κ", tau: "τ", mu: "μ", ridge: "λ", noise: "ρ" };
const AXES = { tau: "τ = n/d²", mu: "μ = m/d²", alpha: "α = ℓ/d", kappa: "κ = k/d", ridge: "ridge λ", noise: "label noise ρ" };
const DEFAULTS = {
  sigma: "relu", degree: 3, target: "relu", noise: 0.01, mixed: false, target2: "tanh", noise2: 0.1, share2: 0.5,
  alpha: 1, kappa: 1, tau: 3, mu: 1, ridge: 1e-4, d: 20, axis: "tau", quantity: "icl",
};
// Of a slider its least value, its greatest, its step, and the base of the exponents where it moves in those; and what a number is.
const NUMBERS = {
  degree: { min: 0, max: 8, step: 1, whole: true, least: 0, most: 12 },
  ridge: { min: -8, max: 1, step: 0.5, base: 10 },
  noise: { min: -4, max: 1, step: 0.25, base: 10 },
  noise2: { min: -4, max: 1, step: 0.25, base: 10 },
  share2: { min: 0.05, max: 0.95, step: 0.05 },
  d: { min: 8, max: 80, step: 4, whole: true, least: 1, most: 200 },
  alpha: { min: -3, max: 3, step: 0.25, base: 2 },
  kappa: { min: -3, max: 3, step: 0.25, base: 2 },
  tau: { min: -3, max: 3, step: 0.25, base: 2 },
  mu: { min: -3, max: 3, step: 0.25, base: 2 },
};
const LONGEST = 300, READOUT = at("readout").textContent;

let state = { ...DEFAULTS }, worker, id = 0, pending = false, answers = {}, sliders = {};
let names = ["relu", "tanh"];

// The state in the address ---------------------------------------------------------------------------------------------------------

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)), found = { ...DEFAULTS };
  for (const [key, text] of given) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    if (key === "mixed") found.mixed = text === "1";
    else if (key === "axis") found.axis = Object.hasOwn(AXES, text) ? text : DEFAULTS.axis;
    else if (key === "quantity") found.quantity = text === "idg" ? "idg" : "icl";
    else if (key === "kappa" && text === "inf") found.kappa = "inf";
    else if (key in NUMBERS) found[key] = number(key, text) ?? DEFAULTS[key];
    else found[key] = text.slice(0, LONGEST);
  }
  return found;
}

function address() {
  const entries = Object.entries(state).map(([key, value]) => [key, typeof value === "boolean" ? Number(value) : value]);
  return `#${new URLSearchParams(entries)}`;
}

// A number as it was typed, or null where it is none; what it means is the library's to judge.
function number(key, text) {
  const value = Number(text), { whole, least = -Infinity, most = Infinity } = NUMBERS[key];
  return text.trim() === "" || !Number.isFinite(value) || (whole && !Number.isInteger(value)) || value < least || value > most ? null : value;
}

// Controls -------------------------------------------------------------------------------------------------------------------------

function make(name, attributes = {}, text) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function buildNumber(field) {
  const key = field.dataset.number, { min, max, step, base } = NUMBERS[key], label = field.querySelector("label");
  const slider = make("input", { type: "range", id: key, min, max, step });
  const text = make("input", { type: "text", inputmode: "decimal", id: `${key}-number`, "aria-label": `${label.textContent}, as a number` });
  const value = () => (base ? Number((base ** slider.valueAsNumber).toPrecision(3)) : slider.valueAsNumber);
  slider.addEventListener("input", () => change({ [key]: value() }, slider));
  text.addEventListener("change", () => {
    const found = number(key, text.value);
    text.setAttribute("aria-invalid", String(found === null));
    const { whole, least, most } = NUMBERS[key];
    text.setCustomValidity(found === null ? `This is ${whole ? `a whole number from ${least} to ${most}` : "a number"}.` : "");
    if (found === null) text.reportValidity(); else change({ [key]: found }, text);
  });
  const pair = make("div", { class: "pair" });
  pair.append(slider, text);
  field.append(pair);
  sliders[key] = (given) => {
    const known = given === "inf" ? null : given, place = base ? Math.log(known) / Math.log(base) : known;
    if (known !== null && Number.isFinite(place)) slider.value = place; else if (known === 0) slider.value = min;
    slider.setAttribute("aria-valuetext", known === null ? "infinite" : short(known));
    slider.disabled = text.disabled = known === null;
    if (document.activeElement !== text || text.value === "" || Number(text.value) !== known) text.value = known === null ? "∞" : String(known);
    text.setAttribute("aria-invalid", "false");
    text.setCustomValidity("");
  };
}

function buildActivation(field) {
  const key = field.dataset.activation, label = field.querySelector("label");
  const menu = make("select", { id: key });
  const own = make("input", {
    type: "text", id: `${key}-own`, "aria-label": `${label.textContent}, an expression in x`, placeholder: "Max(x - 1/3, 0)",
    spellcheck: "false", autocapitalize: "off", maxlength: LONGEST,
  });
  menu.addEventListener("change", () => {
    own.hidden = menu.value !== "";
    if (menu.value) change({ [key]: menu.value }, menu);
    else { own.value = state[key]; own.focus(); own.select(); }
  });
  own.addEventListener("change", () => change({ [key]: own.value }, own));
  field.append(menu, own);
  sliders[key] = (given) => {
    if (menu.options.length !== names.length + 1) {
      menu.replaceChildren(...names.map((name) => make("option", { value: name }, name)), make("option", { value: "" }, "an expression in x …"));
    }
    const known = names.includes(given), chosen = !known || (document.activeElement === own && menu.value === "");
    menu.value = chosen ? "" : given;
    own.hidden = !chosen;
    if (chosen) own.value = given;
  };
}

function showState() {
  for (const [key, set] of Object.entries(sliders)) set(state[key]);
  at("mixed").checked = state.mixed;
  at("second").hidden = !state.mixed;
  at("fresh").checked = state.kappa === "inf";
  at("axis").value = state.axis;
  at("quantity").value = state.quantity;
  at("legend-finite").textContent = `d = ${state.d}`;
  at("link").href = address();
}

function change(part) {
  state = { ...state, ...part };
  if (part.mixed) state.kappa = "inf";
  history.replaceState(null, "", address());
  showState();
  if (Object.keys(part).join() === "quantity") render(); else request();
}

// Requests and answers -------------------------------------------------------------------------------------------------------------

let stopTimer, asked;

function request() {
  if (broken) return;
  id += 1;
  asked = performance.now();
  delete document.body.dataset.answered;
  answers = { fresh: {}, chunks: [] };
  at("readout").textContent = READOUT;
  pending = true;
  busy(ready ? "Computing." : undefined);
  worker.postMessage({ id, state });
}

let ready = false, broken = false;

// The sign appears at once; it goes with the last part.
function busy(text) {
  if (text !== undefined) at("status").textContent = text;
  at("busy").classList.remove("idle");
  document.body.setAttribute("aria-busy", "true");
  clearTimeout(stopTimer);
  if (ready) stopTimer = setTimeout(() => { at("stop").hidden = !pending; }, 2000);
}

function idle(text) {
  pending = false;
  document.body.dataset.answered = location.hash;
  at("status").textContent = text;
  at("busy").classList.add("idle");
  at("busy").removeAttribute("value");
  at("stop").hidden = true;
  document.body.removeAttribute("aria-busy");
  clearTimeout(stopTimer);
}

function begin() {
  worker?.terminate();
  worker = new Worker(new URL("worker.js", location.href), { type: "module" });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = () => fail("Python could not be loaded. The page needs WebAssembly, and the files beside it.");
}

function fail(text) {
  broken = true;
  idle(text);
}

const SAID = { expansion: "the error in the limit", limit: "the error at d", finite: "the curve at d", finite_curve: "the curve at d", hints: "" };

function receive(message) {
  if (message.stage) { at("status").textContent = message.stage; return; }
  if (message.part === "broken") { fail(`Python could not be started: ${message.text}`); return; }
  if (message.part === "names") {
    names = message.answer.names;
    document.body.dataset.laps = JSON.stringify(message.laps);
    ready = true;
    showState();
    if (pending) busy("Computing."); else idle("Ready.");
    return;
  }
  if (message.part === "image") document.body.dataset.image = message.stored;
  if (message.id !== id) return;
  if (message.part === "failed") { idle(`The library failed at this state: ${message.text}`); return; }
  if (message.part === "done") { finish(); return; }
  if (message.part === "finite_curve") {
    answers.chunks.push(message.answer);
    document.body.dataset.curve = performance.now() - asked;
    if (message.parts === answers.chunks.length) document.body.dataset.first ??= performance.now();
    if (message.parts > 1) at("busy").setAttribute("value", answers.chunks.length / (message.parts + 1));
  }
  answers.fresh[message.part] = message.answer;
  if (message.part === "expansion") document.body.dataset.shown ??= performance.now();
  if (message.part === "finite_curve" && message.parts > answers.chunks.length && !message.answer.refused && answers.chunks.length % 4) return;
  const next = message.part === "finite_curve" && message.parts === answers.chunks.length ? "the gradient" : SAID[message.part];
  if (next) busy(`Computing ${next}.`);
  render(message.part);
}

function finish() {
  const { limit, finite } = answers.fresh, refused = limit.refused && finite.refused;
  const name = state.quantity.toUpperCase();
  const told = [["d = ∞", limit], [`d = ${state.d}`, finite]].filter(([, found]) => found.point).map(([where, found]) => `${short(found.point[state.quantity])} at ${where}`);
  idle(refused ? "The library refuses this state; the reason stands below." : `Done. ${name} error ${told.join(", ")}.`);
}

// Results --------------------------------------------------------------------------------------------------------------------------

function refuse(place, answer) {
  at(place).hidden = !answer?.refused;
  at(place).textContent = answer?.refused ?? "";
}

function render(part) {
  const { fresh } = answers;
  if (fresh.expansion && (!part || part === "expansion")) renderExpansion(fresh.expansion);
  if (fresh.program && (!part || part === "program")) {
    at("program").textContent = fresh.program.code ?? "";
  }
  if (["limit", "finite", "finite_curve", undefined].includes(part)) renderErrors();
  if (fresh.hints && (!part || part === "hints")) renderHints(fresh.hints);
}

function cells(name, texts) {
  const line = make("tr");
  for (const text of texts) {
    const cell = make(name, name === "th" ? { scope: "col" } : {});
    cell.append(text);
    line.append(cell);
  }
  return line;
}

function renderExpansion(found) {
  refuse("expansion-refused", found);
  for (const place of ["coefficients", "model", "latex"]) at(place).replaceChildren();
  at("expansion-notes").replaceChildren(...(found.warnings ?? []).map((note) => make("li", {}, note)));
  at("latex-block").hidden = Boolean(found.refused);
  if (found.refused) return;
  const head = make("thead"), body = make("tbody");
  head.append(cells("th", ["k", "exact", "decimal", found.closed ? "rounded by at most" : "error, estimated"]));
  const closed = (exact) => (exact !== null ? formula(exact) : found.closed ? "a closed form, too long to show" : "no closed form is known");
  for (const { k, exact, value, error } of found.coefficients) {
    body.append(cells("td", [String(k), closed(exact), String(value), error === 0 ? "0" : short(error)]));
  }
  const { exact, value } = found.residual, last = cells("td", ["", closed(exact), String(value), ""]);
  last.firstChild.append(formula("c_{r}^{*}"));
  body.append(last);
  at("coefficients").append(make("caption", {}, `σ = ${found.activation}, r = ${found.coefficients.length - 1}`), head, body);
  at("model").append(formula(found.model, true));
  at("latex").textContent = found.model;
}

function renderErrors() {
  const { fresh, chunks } = answers, { quantity, axis } = state, name = quantity.toUpperCase();
  if (!fresh.limit) return;
  refuse("limit-refused", fresh.limit.refused ? { refused: `d = ∞: ${fresh.limit.refused}` } : null);
  refuse("point-refused", fresh.finite?.refused ? { refused: `d = ${state.d}: ${fresh.finite.refused}` } : null);
  const told = chunks.find((chunk) => chunk.refused);
  refuse("curve-refused", told ? { refused: `the curve at d = ${state.d}: ${told.refused}` } : null);
  const point = at("point");
  point.replaceChildren();
  const say = (where, found) => {
    if (!found?.point) return;
    const value = make("strong", { "data-value": found.point[quantity] ?? "Infinity", "data-where": where }, short(found.point[quantity]));
    point.append(point.childNodes.length ? "; " : `${name} error `, value, ` at ${where}`);
    if (found.point.error && quantity === "icl") point.append(` (± ${short(found.point.error)}, the size of the next order in 1/d)`);
  };
  say("d = ∞", fresh.limit);
  say(`d = ${state.d}`, fresh.finite);
  if (fresh.finite?.sizes) {
    const { d, context, tasks, samples, hidden } = fresh.finite.sizes;
    point.append(`. At d = ${d}: ℓ = ${context}, k = ${tasks ?? "∞"}, n = ${samples}, m = ${hidden}.`);
  }
  const notes = new Set([fresh.limit, fresh.finite, ...chunks].flatMap((found) => [...(found?.point?.notes ?? []), ...(found?.warnings ?? [])]));
  at("notes").replaceChildren(...[...notes].map((note) => make("li", {}, note)));

  const join = (column) => chunks.flatMap((chunk) => chunk.curve?.[column] ?? []);
  const curves = [];
  if (fresh.limit.curve) curves.push({ name: "d = ∞", kind: "limit", x: fresh.limit.curve.x, y: fresh.limit.curve[quantity] });
  if (chunks.length) curves.push({ name: `d = ${state.d}`, kind: "finite", x: join("x"), y: join(quantity) });
  const here = state[axis] === "inf" ? null : state[axis];
  const points = [fresh.limit, fresh.finite].filter((found) => found?.point && here).map((found) => ({ x: here, y: found.point[quantity] }));
  at("chart-words").hidden = !curves.length;
  draw(at("chart"), {
    curves, points, xName: AXES[axis], yName: `${name} error`,
    label: `${name} error along ${AXES[axis]}, at d = ∞ and at d = ${state.d}. The arrow keys move a cursor; the values are in the table below.`,
    onRead: (x, values) => {
      at("readout").textContent = `${SIGNS[axis]} = ${short(x)}: ${name} error ` + values.map((v) => `${short(v.y)} at ${v.name}${Math.abs(v.x - x) > 1e-9 * x ? ` (${SIGNS[axis]} = ${short(v.x)})` : ""}`).join(", ") + ".";
    },
  });
  renderTable(join);
}

function renderTable(join) {
  const { limit } = answers.fresh, head = make("thead"), body = make("tbody"), rows = new Map();
  const fill = (x, column, icl, idg) => { if (!rows.has(x)) rows.set(x, {}); rows.get(x)[column] = [icl, idg]; };
  limit.curve?.x.forEach((x, i) => fill(x, "limit", limit.curve.icl[i], limit.curve.idg[i]));
  const icl = join("icl"), idg = join("idg");
  join("x").forEach((x, i) => fill(x, "finite", icl[i], idg[i]));
  head.append(cells("th", [AXES[state.axis], "ICL at d = ∞", "IDG at d = ∞", `ICL at d = ${state.d}`, `IDG at d = ${state.d}`]));
  for (const x of [...rows.keys()].sort((a, b) => a - b)) {
    const line = cells("td", [short(x)]);
    for (const column of ["limit", "finite"]) {
      for (const value of rows.get(x)[column] ?? ["", ""]) {
        line.append(make("td", value === "" ? {} : { "data-value": value ?? "Infinity", "data-x": x, "data-column": column }, value === "" ? "" : short(value)));
      }
    }
    body.append(line);
  }
  at("curve-table").replaceChildren(make("caption", {}, "At d the sizes are whole numbers, so that its values on the axis are rounded."), head, body);
}

function renderHints(found) {
  refuse("hints-refused", found);
  at("headline").textContent = found.headline ?? "";
  at("hints").replaceChildren(...(found.changes ?? []).map(({ name, slope, text }) => make("li", { "data-name": name, "data-slope": slope }, text)));
}

// Copies ---------------------------------------------------------------------------------------------------------------------------

async function copy(text, button) {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied: select it and copy it";
  }
  at("status").textContent = button.textContent;
  setTimeout(() => { button.textContent = said; }, 1500);
}

document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy(at(button.dataset.copy).textContent, button)));
at("copy-link").addEventListener("click", (event) => copy(new URL(address(), location.href).href, event.target));

// Start ----------------------------------------------------------------------------------------------------------------------------

document.querySelectorAll("[data-number]").forEach(buildNumber);
document.querySelectorAll("[data-activation]").forEach(buildActivation);
at("mixed").addEventListener("change", (event) => change({ mixed: event.target.checked }));
at("fresh").addEventListener("change", (event) => change({ kappa: event.target.checked ? "inf" : 1 }));
at("axis").addEventListener("change", (event) => change({ axis: event.target.value }));
at("quantity").addEventListener("change", (event) => change({ quantity: event.target.value }));
at("controls").addEventListener("submit", (event) => event.preventDefault());
at("stop").addEventListener("click", () => {
  ready = false;
  begin();
  idle("Stopped. Python starts again.");
  at("controls").querySelector("select").focus();
});
addEventListener("hashchange", () => { state = fromAddress(); showState(); request(); });
new ResizeObserver(() => { if (answers.fresh?.limit) renderErrors(); }).observe(at("chart"));

state = fromAddress();
begin();
showState();
request();
