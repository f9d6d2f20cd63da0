// Matrix completion: which entries are observed, their values, the loss ℓ(W) and its gradient.

import { fromRows, multiply, norm, transpose, zeros } from "./matrix.js";
import { Random } from "./random.js";

// observed: positions in the flat matrix; values: what was measured there; truth: the whole matrix, or null.
export class Completion {
  constructor(rows, cols, observed, values, truth = null) {
    Object.assign(this, { rows, cols, observed, values, truth });
  }

  // ℓ(W) = mean of (W_ij − b_ij)² over the observed entries, and ∇ℓ(W).
  lossAndGradient(product) {
    const gradient = zeros(this.rows, this.cols);
    const count = this.observed.length;
    let loss = 0;
    this.observed.forEach((place, k) => {
      const residual = product.data[place] - this.values[k];
      loss += residual * residual;
      gradient.data[place] = (2 * residual) / count;
    });
    return { loss: loss / count, gradient };
  }

  // Mean squared error on the entries that are not observed; NaN where the truth is unknown or nothing is hidden.
  hiddenError(product) {
    if (this.truth === null) return NaN;
    const seen = new Uint8Array(this.rows * this.cols);
    for (const place of this.observed) seen[place] = 1;
    let sum = 0;
    let count = 0;
    product.data.forEach((value, place) => {
      if (seen[place]) return;
      sum += (value - this.truth.data[place]) ** 2;
      count += 1;
    });
    return sum / count;
  }
}

// A matrix of low rank with mean squared entry 1; `share` of its entries are observed, with Gaussian noise added.
export function planted({ rows, cols, rank, share, noise, seed }) {
  const random = new Random(seed);
  const left = { rows, cols: rank, data: random.normals(rows * rank) };
  const right = { rows: cols, cols: rank, data: random.normals(cols * rank) };
  const truth = multiply(left, transpose(right));
  const unit = Math.sqrt(rows * cols) / norm(truth.data);
  truth.data.forEach((value, place) => (truth.data[place] = value * unit));
  const count = Math.max(1, Math.round(share * rows * cols));
  const observed = random.permutation(rows * cols).slice(0, count).sort((a, b) => a - b);
  const values = observed.map((place) => truth.data[place] + noise * random.normal());
  return new Completion(rows, cols, observed, values, truth);
}

const LARGEST = 40;
const UNKNOWN = new Set(["", "na", "nan", "?", "-", "*", "."]);

// The problem of pasted text: one row a line, cells apart by tab, comma, semicolon or spaces; unknown cells are empty,
// NA, NaN, ?, - or *. Throws an Error with one sentence for anything else.
export function parse(text) {
  const lines = text.replace(/\r/g, "").split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new Error("Paste a matrix: one row a line, got nothing.");
  const mark = ["\t", ";", ","].find((candidate) => lines[0].includes(candidate));
  const cells = lines.map((line) => (mark ? line.split(mark) : line.trim().split(/\s+/)).map((cell) => cell.trim()));
  const width = cells[0].length;
  const ragged = cells.findIndex((row) => row.length !== width);
  if (ragged >= 0)
    throw new Error(`All rows must have ${width} cells like the first, row ${ragged + 1} has ${cells[ragged].length}.`);
  if (cells.length > LARGEST || width > LARGEST)
    throw new Error(`A matrix here has at most ${LARGEST} rows and columns, got ${cells.length} × ${width}.`);
  if (cells.length < 2 || width < 2)
    throw new Error(`A matrix here has at least 2 rows and columns, got ${cells.length} × ${width}.`);
  const numbers = cells.map((row, i) => row.map((cell, j) => readCell(cell, i, j)));
  const flat = fromRows(numbers);
  const observed = Array.from(flat.data.keys()).filter((place) => !Number.isNaN(flat.data[place]));
  if (observed.length === 0) throw new Error("At least one cell must be a number, got none.");
  if (observed.every((place) => flat.data[place] === 0)) throw new Error("Some cell must differ from 0, got zeros only.");
  return new Completion(flat.rows, flat.cols, observed, observed.map((place) => flat.data[place]));
}

function readCell(cell, row, column) {
  if (UNKNOWN.has(cell.toLowerCase())) return NaN;
  const value = Number(cell);
  if (!Number.isFinite(value) || Math.abs(value) > 1e100)
    throw new Error(`Row ${row + 1}, column ${column + 1} must be a number or empty, got “${cell.slice(0, 20)}”.`);
  return value;
}
