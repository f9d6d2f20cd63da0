// Dense matrices, row by row in one Float64Array, and the few operations a chain of layers needs.

export function zeros(rows, cols) {
  return { rows, cols, data: new Float64Array(rows * cols) };
}

export function identity(rows, cols) {
  const result = zeros(rows, cols);
  for (let k = 0; k < Math.min(rows, cols); k++) result.data[k * cols + k] = 1;
  return result;
}

export function fromRows(lists) {
  const result = zeros(lists.length, lists[0].length);
  lists.forEach((list, i) => result.data.set(list, i * result.cols));
  return result;
}

export function toRows(a) {
  return Array.from({ length: a.rows }, (_, i) => Array.from(a.data.subarray(i * a.cols, (i + 1) * a.cols)));
}

export function transpose(a) {
  const result = zeros(a.cols, a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++) result.data[j * a.rows + i] = a.data[i * a.cols + j];
  return result;
}

export function multiply(a, b) {
  const result = zeros(a.rows, b.cols);
  const n = b.cols;
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.cols; k++) {
      const factor = a.data[i * a.cols + k];
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) result.data[i * n + j] += factor * b.data[k * n + j];
    }
  }
  return result;
}

export function norm(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

// Thin singular value decomposition by one-sided Jacobi rotations: { u (m, q), values (q), v (n, q) }, descending.
// `near`, the decomposition of a matrix close to this one, saves sweeps: its vectors are turned on, not found anew.
export function decompose(a, near = null) {
  if (a.rows < a.cols) {
    const { u, values, v } = decompose(transpose(a), near && { v: near.u });
    return { u: v, values, v: u };
  }
  const begin = near ? near.v : identity(a.cols, a.cols);
  const columns = columnsOf(multiply(a, begin));
  const turns = columnsOf(begin);
  rotateUntilOrthogonal(columns, turns);
  const sizes = columns.map(norm);
  const order = sizes.map((_, k) => k).sort((p, q) => sizes[q] - sizes[p]);
  const u = zeros(a.rows, a.cols);
  const v = zeros(a.cols, a.cols);
  order.forEach((k, place) => {
    const inverse = sizes[k] > 0 ? 1 / sizes[k] : 0;
    for (let i = 0; i < a.rows; i++) u.data[i * a.cols + place] = columns[k][i] * inverse;
    for (let i = 0; i < a.cols; i++) v.data[i * a.cols + place] = turns[k][i];
  });
  return { u, values: order.map((k) => sizes[k]), v };
}

const columnsOf = (a) => toRows(transpose(a)).map((column) => Float64Array.from(column));

function rotateUntilOrthogonal(columns, turns) {
  const tolerance = 1e-14;
  for (let sweep = 0; sweep < 40; sweep++) {
    let largest = 0;
    for (let p = 0; p < columns.length - 1; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        let pp = 0, qq = 0, pq = 0;
        for (let i = 0; i < columns[p].length; i++) {
          pp += columns[p][i] * columns[p][i];
          qq += columns[q][i] * columns[q][i];
          pq += columns[p][i] * columns[q][i];
        }
        const angle = Math.abs(pq) / Math.sqrt(pp * qq);
        if (!(angle > tolerance)) continue;
        largest = Math.max(largest, angle);
        const zeta = (qq - pp) / (2 * pq);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, t);
        rotate(columns[p], columns[q], cosine, cosine * t);
        rotate(turns[p], turns[q], cosine, cosine * t);
      }
    }
    if (largest <= tolerance) return;
  }
}

function rotate(x, y, cosine, sine) {
  for (let i = 0; i < x.length; i++) {
    const before = x[i];
    x[i] = cosine * before - sine * y[i];
    y[i] = sine * before + cosine * y[i];
  }
}
