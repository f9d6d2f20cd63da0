// W = W_N ⋯ W_1: the chain of layers, its gradient, and a balanced start of a given size.

import { decompose, multiply, transpose, zeros } from "./matrix.js";

// All weights live in one flat vector, W_1 first, as in Python's rankfall.Chain; layers are views of it.
export class Chain {
  constructor(depth, rows, cols) {
    this.depth = depth;
    const hidden = Math.min(rows, cols);
    this.shapes = Array.from({ length: depth }, (_, j) => [
      j === depth - 1 ? rows : hidden,
      j === 0 ? cols : hidden,
    ]);
    this.size = this.shapes.reduce((sum, [m, n]) => sum + m * n, 0);
  }

  layers(weights) {
    let begin = 0;
    return this.shapes.map(([rows, cols]) => {
      const data = weights.subarray(begin, begin + rows * cols);
      begin += rows * cols;
      return { rows, cols, data };
    });
  }

  product(weights) {
    const [first, ...others] = this.layers(weights);
    return others.reduce((below, layer) => multiply(layer, below), first);
  }

  // φ = ℓ(W) and ∂φ/∂W_j = (W_N ⋯ W_{j+1})ᵀ ∇ℓ(W) (W_{j−1} ⋯ W_1)ᵀ, flat.   [arora2018]
  lossAndGradient(problem, weights) {
    const layers = this.layers(weights);
    const below = [layers[0]];
    for (let j = 1; j < layers.length; j++) below.push(multiply(layers[j], below[j - 1]));
    const { loss, gradient } = problem.lossAndGradient(below[layers.length - 1]);
    const flat = new Float64Array(this.size);
    const places = this.layers(flat);
    let pull = gradient;
    for (let j = layers.length - 1; j >= 0; j--) {
      places[j].data.set((j > 0 ? multiply(pull, transpose(below[j - 1])) : pull).data);
      if (j > 0) pull = multiply(transpose(layers[j]), pull);
    }
    return { loss, gradient: flat };
  }
}

// Balanced layers whose product is Gaussian, E‖W(0)‖_F = scale·√q, q = min(m, n).   [arora2018convergence, Procedure 1]
export function balancedStart(chain, rows, cols, scale, random) {
  const rank = Math.min(rows, cols);
  const drawn = { rows, cols, data: random.normals(rows * cols) };
  const unit = scale * Math.sqrt(rank / (rows * cols));
  drawn.data.forEach((value, place) => (drawn.data[place] = value * unit));
  if (chain.depth === 1) return drawn.data;
  const { u, values, v } = decompose(drawn);
  const root = values.map((value) => value ** (1 / chain.depth));
  const weights = new Float64Array(chain.size);
  const layers = chain.layers(weights);
  layers.forEach((layer, j) => {
    const shared = diagonal(root);
    const inner = j === 0 ? multiply(shared, transpose(v)) : j === chain.depth - 1 ? multiply(u, shared) : shared;
    layer.data.set(inner.data);
  });
  return weights;
}

function diagonal(values) {
  const result = zeros(values.length, values.length);
  values.forEach((value, k) => (result.data[k * values.length + k] = value));
  return result;
}
