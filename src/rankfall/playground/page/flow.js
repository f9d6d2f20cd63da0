// How the weights move: gradient flow Ẇ_j = −∂φ/∂W_j with error control, or gradient descent with a fixed step.

import { MAX_STAGES, chebyshevStep, localError, reachOf, spectralRadius, stagesFor } from "./chebyshev.js";
import { norm } from "./matrix.js";

const SHRINK = 0.1;
const GROW = 5;
const FIRST_PRODUCTS = 10;
// The flow contracts what a step errs, so that a step may err by more than the path should; as in Python's Flow.
const PER_STEP = 4;

// Gradient flow by Chebyshev steps: Python's Flow(rtol, methods=(Chebyshev2(),)).
export class Flow {
  constructor(field, weights, rtol, horizon = Infinity) {
    const { loss, gradient } = field(weights);
    Object.assign(this, { field, weights, loss, gradient, rtol, horizon, time: 0 });
    Object.assign(this, spectralRadius(field, weights, gradient, gradient, FIRST_PRODUCTS));
    const guess = Math.min((0.1 * norm(weights)) / norm(gradient), 1 / this.radius);
    this.step = Number.isFinite(guess) && guess > 0 ? guess : 1;
    this.taken = 1;
    this.error = 1;
    this.moved = true;
  }

  // One step; false where the error was too large and the next will be shorter.
  advance() {
    if (this.moved)
      Object.assign(this, spectralRadius(this.field, this.weights, this.gradient, this.direction, 1));
    const limit = reachOf(MAX_STAGES) / Math.max(this.radius, Number.MIN_VALUE);
    const step = Math.min(this.step, limit, this.horizon - this.time);
    const stages = stagesFor(step * this.radius);
    const weights = chebyshevStep(this.field, this.weights, this.gradient, step, stages);
    const { loss, gradient } = this.field(weights);
    const allowed = PER_STEP * this.rtol * Math.max(norm(this.weights), norm(weights));
    const error = Math.max(localError(this.weights, weights, this.gradient, gradient, step) / allowed, 1e-12);
    // the controller that foresees a growing error   [sommeijer1997]
    const trend = this.moved ? Math.min(1, (step / this.taken) * (this.error / error) ** (1 / 3)) : 1;
    let factor = Number.isFinite(loss) ? 0.8 * error ** (-1 / 3) * trend : SHRINK;
    factor = Number.isFinite(factor) ? Math.min(Math.max(factor, SHRINK), GROW) : SHRINK;
    this.moved = Number.isFinite(loss) && error <= 1;
    const isClipped = this.moved && step < this.step;
    this.step = isClipped ? Math.max(this.step, step * factor) : step * factor;
    if (!this.moved) return false;
    const landed = step === this.horizon - this.time;
    const time = landed ? this.horizon : this.time + step;
    Object.assign(this, { weights, loss, gradient, time, taken: step, error });
    return true;
  }
}

// Gradient descent W_j ← W_j − η ∂φ/∂W_j; its time is η times the number of steps.
export class Descent {
  constructor(field, weights, rate) {
    const { loss, gradient } = field(weights);
    Object.assign(this, { field, weights, loss, gradient, rate, time: 0 });
  }

  advance() {
    const weights = this.weights.map((value, k) => value - this.rate * this.gradient[k]);
    const { loss, gradient } = this.field(weights);
    Object.assign(this, { weights, loss, gradient, time: this.time + this.rate });
    return true;
  }
}
