// What the page shows, as plain values, and as the part of its address after #.

// name → [default, smallest, largest]; text has no bounds.
const NUMBERS = {
  rows: [24, 2, 40], cols: [24, 2, 40], rank: [3, 1, 10], share: [0.4, 0.05, 1], noise: [0, 0, 1], seed: [0, 0, 9999],
  depth: [3, 1, 5], scale: [1e-3, 1e-6, 1], rate: [0.5, 1e-3, 100], lesson: [0, 0, 6], moment: [0, 0, 3000],
};
const WHOLE = new Set(["rows", "cols", "rank", "seed", "depth", "lesson", "moment"]);
const METHODS = ["flow", "descent"];

export function defaults() {
  const state = { method: "flow", matrix: "" };
  for (const [name, [value]] of Object.entries(NUMBERS)) state[name] = value;
  return state;
}

// The state of an address; what is missing or out of range there is the default, or the nearest that is allowed.
export function fromAddress(hash) {
  const state = defaults();
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  for (const [name, [, low, high]] of Object.entries(NUMBERS)) {
    if (!given.has(name) || given.get(name).trim() === "") continue;
    const value = Number(given.get(name));
    if (!Number.isFinite(value)) continue;
    state[name] = Math.min(Math.max(WHOLE.has(name) ? Math.round(value) : value, low), high);
  }
  if (METHODS.includes(given.get("method"))) state.method = given.get("method");
  if (given.has("matrix")) state.matrix = given.get("matrix").slice(0, 50000);
  return state;
}

// Only what differs from the defaults, so that links stay short.
export function toAddress(state) {
  const usual = defaults();
  const changed = Object.entries(state).filter(([name, value]) => value !== usual[name]);
  return "#" + new URLSearchParams(changed).toString();
}
