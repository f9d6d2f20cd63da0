// The story of the papers in seven steps: each sets the page up, and says what to look at.

const MATRIX = { rows: 24, cols: 24, rank: 3, share: 0.4, noise: 0, seed: 0, method: "flow", matrix: "" };

export const LESSONS = [
  {
    title: "Few entries",
    text:
      "This matrix has 24 × 24 entries but rank 3, so 135 numbers determine it. 230 entries are observed. The blank " +
      "cells are the question: which matrix fits the entries that you see?",
    state: { ...MATRIX, depth: 3, scale: 1e-3 },
  },
  {
    title: "The nuclear norm fails",
    text:
      "The classical answer is the matrix of smallest nuclear norm (the sum of singular values) that fits. With so few " +
      "entries it is not the right one: look at its error in the first card below. Its norm is even smaller than that " +
      "of the truth.",
    state: { ...MATRIX, depth: 2, scale: 1e-3 },
  },
  {
    title: "Depth helps",
    text:
      "Write the matrix as a product of layers, start near zero, and follow the gradient. No term asks for low rank. " +
      "One layer leaves the hidden entries alone; three layers find the matrix. Press Play and compare the cards.",
    state: { ...MATRIX, depth: 3, scale: 1e-3 },
  },
  {
    title: "A small start matters",
    text:
      "The same three layers, started a thousand times larger: everything observed is fitted, and the hidden entries " +
      "are wrong. Low rank comes from the small start. Move the slider “start” back and forth.",
    state: { ...MATRIX, depth: 3, scale: 1 },
  },
  {
    title: "Escapes in order",
    text:
      "Singular values wait near zero and rise one by one, large ones first. A value σ moves at the speed " +
      "N σ^(2−2/N) times the pull of the data on it: small values hardly move, large ones run. The dashed arcs are this " +
      "law, computed from the measured pull.",
    state: { ...MATRIX, depth: 4, scale: 1e-2 },
  },
  {
    title: "No norm explains it",
    text:
      "Three entries of a 2 × 2 matrix: [?, 1; 1, 0]. Every norm is smallest where the unknown entry is 0. From a start " +
      "with positive determinant, as here, gradient flow sends it to infinity: the nuclear norm grows without bound " +
      "while the effective rank falls towards 1.",
    state: { matrix: "? 1\n1 0", depth: 3, scale: 0.3, seed: 2, method: "flow" },
  },
  {
    title: "Your own matrix",
    text:
      "Paste numbers into the box under “Matrix”: one row a line, cells apart by spaces, commas or tabs, and ? for what " +
      "you do not know. Ten people rated eight films here. For large tables: rankfall complete table.csv.",
    state: {
      matrix: [
        "5 4 ? 1 ? 1 5 ?", "4 ? 4 1 2 ? ? 5", "? 1 2 5 ? 5 1 ?", "1 ? 1 ? 5 4 ? 2", "5 5 ? ? 1 1 4 ?",
        "? 2 1 4 5 ? 2 1", "4 ? 5 2 ? 1 ? 4", "2 1 ? 5 4 ? ? 1", "? 4 4 ? 2 2 5 ?", "1 ? 2 4 ? 5 ? 2",
      ].join("\n"),
      depth: 2, scale: 1e-2, seed: 0, method: "flow",
    },
  },
];
