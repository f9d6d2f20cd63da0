// One run: a problem, a chain, a start and a motion, and what is kept of every moment.

import { Chain, balancedStart } from "./chain.js";
import { Descent, Flow } from "./flow.js";
import { decompose, multiply, transpose } from "./matrix.js";
import { Random } from "./random.js";

const SHOWN = 12;
const RTOL = 1e-5;
const LONGEST = 3000;
const STEPS_OF_DESCENT = 25;
const FITTED = 1e-7;

export class Run {
  // settings: depth, scale, method ("flow" or "descent"), rate, seed. Start and stop are relative to the data's size.
  constructor(problem, settings) {
    Object.assign(this, { problem, settings });
    this.size = Math.sqrt(problem.values.reduce((sum, value) => sum + value * value, 0) / problem.values.length);
    this.chain = new Chain(settings.depth, problem.rows, problem.cols);
    const field = (weights) => this.chain.lossAndGradient(problem, weights);
    const random = new Random(settings.seed + 1e6);
    const start = balancedStart(this.chain, problem.rows, problem.cols, settings.scale * this.size, random);
    this.motion = settings.method === "flow" ? new Flow(field, start, RTOL) : new Descent(field, start, settings.rate);
    this.moments = [this.#look()];
    this.end = "";
  }

  // One step that moved, or several of descent; nothing once the run has ended.
  advance() {
    if (this.end) return;
    const count = this.settings.method === "flow" ? 1 : STEPS_OF_DESCENT;
    for (let k = 0; k < count; k++) for (let tries = 0; !this.motion.advance() && tries < 60; tries++);
    if (!(this.motion.loss < 1e6 * this.moments[0].loss)) {
      this.end = "diverged: choose a smaller step";
      return;
    }
    this.moments.push(this.#look());
    if (this.motion.loss <= FITTED * this.size ** 2) this.end = "the observed entries are fitted";
    else if (this.moments.length >= LONGEST) this.end = `stopped after ${LONGEST} moments`;
  }

  get last() {
    return this.moments[this.moments.length - 1];
  }

  #look() {
    const product = this.chain.product(this.motion.weights);
    const { gradient } = this.problem.lossAndGradient(product);
    this.spectrum = decompose(product, this.spectrum);
    const { u, values, v } = this.spectrum;
    const core = multiply(multiply(transpose(u), gradient), v);
    const shown = Math.min(SHOWN, values.length);
    return {
      time: this.motion.time,
      loss: this.motion.loss,
      error: this.problem.hiddenError(product),
      product,
      singularValues: values.slice(0, shown),
      drives: values.slice(0, shown).map((_, r) => core.data[r * core.cols + r]),
      effectiveRank: effectiveRank(values),
      nuclearNorm: values.reduce((sum, value) => sum + value, 0),
    };
  }
}

// exp of the entropy of the normalized singular values.
export function effectiveRank(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 0;
  const entropy = values.reduce((sum, value) => (value > 0 ? sum - (value / total) * Math.log(value / total) : sum), 0);
  return Math.exp(entropy);
}
