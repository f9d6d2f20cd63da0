// Lines on two axes, as SVG: data in, elements out. All words are set as text, never as markup.

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 420;
const HEIGHT = 250;
const EDGE = { left: 48, right: 10, top: 10, bottom: 36 };

export function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

// lines: [{ points: [[x, y] …], className, dash }]; levels: heights of dotted lines; now: x of the marker, or null.
export function drawChart(svg, { lines, levels = [], xMax, yLimits, isLog = false, xLabel, now = null }) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const toX = (x) => EDGE.left + (Math.min(x, xMax) / (xMax || 1)) * (WIDTH - EDGE.left - EDGE.right);
  const scaled = isLog ? (y) => Math.log10(Math.max(y, yLimits[0])) : (y) => y;
  const [low, high] = yLimits.map(scaled);
  const toY = (y) => HEIGHT - EDGE.bottom - ((scaled(y) - low) / (high - low || 1)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const parts = [];
  for (const y of isLog ? decades(yLimits) : ticks(yLimits)) {
    parts.push(element("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: toY(y), y2: toY(y), class: "grid" }));
    parts.push(element("text", { x: EDGE.left - 6, y: toY(y) + 4, "text-anchor": "end" }, short(y)));
  }
  for (const x of ticks([0, xMax])) {
    const anchor = x === xMax ? "end" : "middle";
    parts.push(element("text", { x: toX(x), y: HEIGHT - EDGE.bottom + 15, "text-anchor": anchor }, short(x)));
  }
  parts.push(element("text", { x: (EDGE.left + WIDTH) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, xLabel));
  for (const y of levels) {
    if (scaled(y) > high || scaled(y) < low) continue;
    parts.push(element("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: toY(y), y2: toY(y), class: "level" }));
  }
  for (const { points, className } of lines) {
    const inside = points.filter(([x, y], k) => Number.isFinite(y) && (k === 0 || points[k - 1][0] <= xMax));
    if (inside.length < 2) continue;
    const places = apart(inside.map(([x, y]) => [toX(x), clamp(toY(y))]));
    const path = places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
    parts.push(element("path", { d: "M" + path, class: `line ${className}` }));
  }
  if (now !== null)
    parts.push(element("line", { x1: toX(now), x2: toX(now), y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: "now" }));
  svg.replaceChildren(...parts);
}

// Points closer than a unit of the picture to the one before look like one; the last always stays.
function apart(points) {
  let [x, y] = [-Infinity, -Infinity];
  return points.filter((point, k) => {
    const isFar = k === points.length - 1 || Math.abs(point[0] - x) + Math.abs(point[1] - y) >= 1;
    if (isFar) [x, y] = point;
    return isFar;
  });
}

const clamp = (y) => Math.min(Math.max(y, EDGE.top), HEIGHT - EDGE.bottom);

// About five round numbers between the limits.
export function ticks([low, high]) {
  if (!(high > low)) return [low];
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high * (1 + 1e-9); value += step) found.push(value);
  return found;
}

function decades([low, high]) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first) / 4));
  const found = [];
  for (let power = first; power <= last; power += every) found.push(10 ** power);
  return found;
}

// A number in a few characters.
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}
