// σ̇_r = −N σ_r^{2−2/N} ⟨∇ℓ(W), u_r v_rᵀ⟩, integrated along a run from the drives that were measured.   [arora2019]

// With g = −⟨∇ℓ, u vᵀ⟩ the law is d/dt σ^{2/N−1} = (2 − N) g, and d/dt log σ = 2 g at depth 2: exact given ∫ g.
export function grown(value, depth, impulse) {
  if (depth === 2) return value * Math.exp(2 * impulse);
  const power = 2 / depth - 1;
  const moved = value ** power + (2 - depth) * impulse;
  return moved > 0 ? moved ** (1 / power) : depth === 1 ? moved : NaN;
}

// The law's arcs for singular value r: each begins at a measured point and runs on for `length` of time.
export function arcs(moments, depth, r, length) {
  const found = [];
  let arc = null;
  for (let k = 1; k < moments.length; k++) {
    const before = moments[k - 1];
    const now = moments[k];
    if (arc === null || now.time > arc.end) {
      const value = before.singularValues[r];
      arc = { end: before.time + length, points: [[before.time, value]] };
      found.push(arc.points);
    }
    const impulse = (-(before.drives[r] + now.drives[r]) / 2) * (now.time - before.time);
    const [, value] = arc.points[arc.points.length - 1];
    const next = grown(value, depth, impulse);
    if (!Number.isFinite(next)) {
      arc = null;
      continue;
    }
    arc.points.push([now.time, next]);
  }
  return found;
}
