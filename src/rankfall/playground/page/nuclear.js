// The completion of smallest nuclear norm: min ‖X‖_* with X = b on the observed entries, by alternating directions.

import { decompose, multiply, norm, transpose, zeros } from "./matrix.js";
import { effectiveRank } from "./run.js";

const ITERATIONS = 600;
const CLOSE = 1e-6;

// `advance` does one round until `isDone`; `product` is the completion so far.
export class SmallestNuclearNorm {
  constructor(problem) {
    this.problem = problem;
    this.product = zeros(problem.rows, problem.cols);
    this.#putIn(this.product);
    this.spectrum = decompose(this.product);
    this.threshold = this.spectrum.values[0] / 10;
    this.dual = zeros(problem.rows, problem.cols).data;
    this.rounds = 0;
    this.isDone = false;
  }

  // X ← shrink(Z − U), Z ← X + U with the observed entries put in, U ← U + X − Z.   [boyd2011]
  advance() {
    if (this.isDone) return;
    const before = this.product;
    this.spectrum = decompose({ ...before, data: before.data.map((z, k) => z - this.dual[k]) }, this.spectrum);
    const { shrunk, kept } = shrink(this.spectrum, this.threshold);
    const next = { ...shrunk, data: shrunk.data.map((x, k) => x + this.dual[k]) };
    this.#putIn(next);
    const gap = shrunk.data.map((x, k) => x - next.data[k]);
    gap.forEach((value, k) => (this.dual[k] += value));
    const moved = norm(next.data.map((z, k) => z - before.data[k]));
    this.rounds += 1;
    this.isDone = this.rounds >= ITERATIONS || Math.max(norm(gap), moved) <= CLOSE * norm(next.data);
    Object.assign(this, { product: next, effectiveRank: effectiveRank(kept) });
    this.nuclearNorm = kept.reduce((sum, value) => sum + value, 0);
    this.error = this.problem.hiddenError(next);
  }

  #putIn(matrix) {
    this.problem.observed.forEach((place, k) => (matrix.data[place] = this.problem.values[k]));
  }
}

function shrink({ u, values, v }, threshold) {
  const kept = values.map((value) => Math.max(value - threshold, 0));
  const weighted = { ...u, data: u.data.map((value, k) => value * kept[k % u.cols]) };
  return { shrunk: multiply(weighted, transpose(v)), kept };
}
