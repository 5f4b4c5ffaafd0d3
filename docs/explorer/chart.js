// Error curves as inline SVG on logarithmic axes, with a cursor that the pointer and the arrow keys move.
const NAMESPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 340, LEFT = 62, RIGHT = 14, TOP = 14, BOTTOM = 46;

function element(name, attributes, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function short(value) {
  if (value === null || value === undefined) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(1).replace("e-", "e−").replace("e+", "e").replace(".0e", "e");
}

// Powers of ten times 1, 2 and 5, or of ten alone where those are many.
function ticks(low, high) {
  const found = [], many = Math.log10(high / low) > 2.2;
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of many ? [1] : [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value >= low * 0.9999 && value <= high * 1.0001) found.push(value);
    }
  }
  return found.length >= 2 ? found : [low, Math.sqrt(low * high), high];
}

// curves: [{name, kind, x: [...], y: [...]}], null where the error diverges; points: [{kind, x, y}].
export function draw(box, { curves, points, xName, yName, label, onRead }) {
  const focused = box.contains(document.activeElement);
  box.replaceChildren();
  const width = Math.max(260, box.clientWidth);
  const xs = curves.flatMap((c) => c.x).concat(points.map((p) => p.x)).filter((x) => x > 0);
  const ys = curves.flatMap((c) => c.y).concat(points.map((p) => p.y)).filter((y) => y > 0);
  if (!xs.length || !ys.length) return;
  const pad = (low, high, share) => { const r = Math.max(high / low, 1.05) ** share; return [low / r, high * r]; };
  const [x0, x1] = pad(Math.min(...xs), Math.max(...xs), 0.02), [y0, y1] = pad(Math.min(...ys), Math.max(...ys), 0.06);
  const px = (x) => LEFT + (width - LEFT - RIGHT) * Math.log(x / x0) / Math.log(x1 / x0);
  const py = (y) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * Math.log(y / y0) / Math.log(y1 / y0);
  const svg = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": label, tabindex: "0" });
  const skip = Math.ceil(ticks(x0, x1).length * 56 / (width - LEFT - RIGHT));
  ticks(x0, x1).forEach((x, i) => {
    svg.append(element("line", { class: "grid", x1: px(x), x2: px(x), y1: TOP, y2: HEIGHT - BOTTOM }));
    if (i % skip === 0) svg.append(element("text", { x: px(x), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, short(x)));
  });
  for (const y of ticks(y0, y1)) {
    svg.append(element("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: py(y), y2: py(y) }));
    svg.append(element("text", { x: LEFT - 7, y: py(y) + 4, "text-anchor": "end" }, short(y)));
  }
  svg.append(element("path", { class: "axis", fill: "none", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${width - RIGHT}` }));
  svg.append(element("text", { x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xName));
  svg.append(element("text", { transform: `translate(15 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, yName));
  for (const { kind, x, y } of curves) {
    let path = "", pen = "M";
    x.forEach((value, i) => {
      if (y[i] > 0) { path += `${pen}${px(value).toFixed(1)} ${py(y[i]).toFixed(1)}`; pen = "L"; } else pen = "M";
    });
    svg.append(element("path", { class: `curve ${kind}`, d: path }));
    if (kind === "finite") x.forEach((value, i) => { if (y[i] > 0) svg.append(element("circle", { class: `dot ${kind}`, cx: px(value), cy: py(y[i]), r: 3 })); });
  }
  for (const point of points) {
    if (point.x > 0 && point.y > 0) svg.append(element("circle", { class: "mark", cx: px(point.x), cy: py(point.y), r: 6.5 }));
  }
  const cursor = element("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  svg.append(cursor);

  // Places of all curves, in order; at each the nearest value of every curve is read.
  const places = [...new Set(curves.flatMap((c) => c.x))].sort((a, b) => a - b);
  let at = -1;
  const read = (i) => {
    at = Math.min(Math.max(i, 0), places.length - 1);
    const x = places[at];
    cursor.setAttribute("x1", px(x));
    cursor.setAttribute("x2", px(x));
    cursor.setAttribute("visibility", "visible");
    const near = (c) => c.x.reduce((best, value, j) => (Math.abs(Math.log(value / x)) < Math.abs(Math.log(c.x[best] / x)) ? j : best), 0);
    onRead(x, curves.filter((c) => c.x.length).map((c) => { const j = near(c); return { name: c.name, x: c.x[j], y: c.y[j] }; }));
  };
  svg.addEventListener("pointermove", (event) => {
    const x = x0 * (x1 / x0) ** ((event.clientX - svg.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT));
    read(places.reduce((best, value, i) => (Math.abs(Math.log(value / x)) < Math.abs(Math.log(places[best] / x)) ? i : best), 0));
  });
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    read(move);
  });
  box.append(svg);
  if (focused) svg.focus({ preventScroll: true });
}
