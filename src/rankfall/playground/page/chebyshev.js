// Runge–Kutta–Chebyshev steps of order 2, as in Python's rankfall.integrators: stability bought with cheap stages.
//
//   Y_1 = Y_0 + μ̃_1 h F_0,   Y_j = (1 − μ_j − ν_j) Y_0 + μ_j Y_{j−1} + ν_j Y_{j−2} + μ̃_j h F_{j−1} + γ̃_j h F_0
//                                                                                     [sommeijer1997]

import { norm } from "./matrix.js";

const DAMPING = 2 / 13;
export const MAX_STAGES = 256;
const SAFETY = 1.15;
const SETTLED = 0.02;
const EPSILON = 2 ** -52;

// The fewest stages that are stable where reach = h ρ, ρ the spectral radius; and the largest reach for a number of them.
export const stagesFor = (reach) => Math.max(2, 1 + Math.floor(Math.sqrt(1 + 1.54 * reach)));
export const reachOf = (stages) => (stages ** 2 - 1) / 1.54;

const known = new Map();

// μ̃_1, and a row [μ_j, ν_j, μ̃_j, γ̃_j] for each j = 2 … s.
export function coefficients(s) {
  if (known.has(s)) return known.get(s);
  const w0 = 1 + DAMPING / s ** 2;
  const t = [1, w0], d = [0, 1], dd = [0, 0];
  for (let j = 2; j <= s; j++) {
    t.push(2 * w0 * t[j - 1] - t[j - 2]);
    d.push(2 * t[j - 1] + 2 * w0 * d[j - 1] - d[j - 2]);
    dd.push(4 * d[j - 1] + 2 * w0 * dd[j - 1] - dd[j - 2]);
  }
  const w1 = d[s] / dd[s];
  const b = dd.map((value, j) => value / d[j] ** 2);
  b[0] = b[1] = b[2];
  const rows = [];
  for (let j = 2; j <= s; j++) {
    const wide = (2 * b[j] * w1) / b[j - 1];
    rows.push([(2 * b[j] * w0) / b[j - 1], -b[j] / b[j - 2], wide, -(1 - b[j - 1] * t[j - 1]) * wide]);
  }
  const found = { first: b[1] * w1, rows };
  known.set(s, found);
  return found;
}

// The weights one step h further; s − 1 evaluations of `field` beyond the gradient handed in.
export function chebyshevStep(field, weights, gradient, step, stages) {
  const { first, rows } = coefficients(stages);
  let before = weights;
  let current = weights.map((value, k) => value - first * step * gradient[k]);
  for (const [mu, nu, muTilde, gammaTilde] of rows) {
    const force = field(current).gradient;
    const next = new Float64Array(weights.length);
    for (let k = 0; k < next.length; k++)
      next[k] = (1 - mu - nu) * weights[k] + mu * current[k] + nu * before[k]
        - step * (muTilde * force[k] + gammaTilde * gradient[k]);
    before = current;
    current = next;
  }
  return current;
}

// ‖0.8 (y_n − y_{n+1}) + 0.4 h (F_n + F_{n+1})‖ ≈ h³‖y‴‖/15.   [sommeijer1997]
export function localError(weights, newWeights, gradient, newGradient, step) {
  let sum = 0;
  for (let k = 0; k < weights.length; k++)
    sum += (0.8 * (weights[k] - newWeights[k]) - 0.4 * step * (gradient[k] + newGradient[k])) ** 2;
  return Math.sqrt(sum);
}

// The largest |eigenvalue| of ∇²φ with margin, by v ← (∇φ(y + δv) − ∇φ(y))/δ; and the direction that shows it.
export function spectralRadius(field, weights, gradient, direction, products) {
  const small = Math.sqrt(EPSILON);
  let radius = 0;
  for (let count = 0; count < products; count++) {
    const length = norm(direction);
    const reach = small * Math.max(norm(weights), small);
    const delta = length > 0 ? reach / length : 0;
    const force = field(weights.map((value, k) => value + delta * direction[k])).gradient;
    const change = force.map((value, k) => value - gradient[k]);
    const before = radius;
    radius = norm(change) / reach;
    direction = change;
    if (Math.abs(radius - before) <= SETTLED * radius) break;
  }
  return { radius: SAFETY * radius, direction };
}
