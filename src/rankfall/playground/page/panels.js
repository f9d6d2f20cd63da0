// What one moment of the runs looks like: heat maps, three charts, and the cards that stand side by side.

import { drawChart, short } from "./chart.js";
import { drawMatrix } from "./heatmap.js";
import { arcs } from "./law.js";
import { zeros } from "./matrix.js";

const LAW_ARCS = 14;
const find = (id) => document.getElementById(id);

// The time from which on no singular value changes by more than a fiftieth of the largest.
function settledTime(moments) {
  const end = moments[moments.length - 1];
  const near = end.singularValues[0] / 50;
  for (let k = moments.length - 2; k >= 0; k--) {
    const isFar = moments[k].singularValues.some((value, r) => Math.abs(value - end.singularValues[r]) > near);
    if (isFar) return 1.3 * moments[k + 1].time;
  }
  return end.time;
}

function span(run) {
  const end = run.last.time;
  return run.end ? Math.min(settledTime(run.moments), end) || end : end;
}

export function drawMoment(run, index, truthValues, isMarked) {
  const moment = run.moments[index];
  const { problem } = run;
  const hasTruth = problem.truth !== null && problem.observed.length < problem.rows * problem.cols;
  const range = limitsOf(problem);
  for (const id of ["truth-figure", "error-figure", "truth-legend"]) find(id).hidden = problem.truth === null;
  drawMatrix(find("completion"), moment.product, range);
  if (problem.truth !== null) {
    const gap = zeros(problem.rows, problem.cols);
    gap.data = moment.product.data.map((value, k) => Math.abs(value - problem.truth.data[k]));
    drawMatrix(find("error"), gap, [0, range[1] - range[0]].map((value) => value / 2));
  }
  const now = isMarked ? moment.time : null;
  const xMax = span(run);
  drawSpectrum(find("spectrum"), run, xMax, now, truthValues, true);
  drawErrors(run, xMax, now, hasTruth);
  drawNorms(run, xMax, now);
  const words = [
    ["time", short(moment.time)], ["loss", short(moment.loss)],
    ...(hasTruth ? [["error on hidden entries", short(moment.error)]] : []),
    ["effective rank", moment.effectiveRank.toFixed(2)], ["nuclear norm", short(moment.nuclearNorm)],
  ];
  find("numbers").replaceChildren(...words.map(([name, value]) => pair(name, value)));
  find("ended").textContent = run.end && index === run.moments.length - 1 ? `Ended: ${run.end}.` : "";
}

function pair(name, value) {
  const box = document.createElement("div");
  const term = document.createElement("dt");
  const number = document.createElement("dd");
  term.textContent = name;
  number.textContent = value;
  box.append(term, number);
  return box;
}

export function drawProblem(problem) {
  const seen = new Uint8Array(problem.rows * problem.cols);
  const known = zeros(problem.rows, problem.cols);
  problem.observed.forEach((place, k) => {
    seen[place] = 1;
    known.data[place] = problem.values[k];
  });
  drawMatrix(find("observed"), known, limitsOf(problem), seen);
  if (problem.truth !== null) drawMatrix(find("truth"), problem.truth, limitsOf(problem));
  const share = Math.round((100 * problem.observed.length) / seen.length);
  find("observed-caption").textContent = `observed: ${problem.observed.length} of ${seen.length} entries, ${share} %`;
}

const limits = new WeakMap();

function limitsOf(problem) {
  if (!limits.has(problem)) limits.set(problem, computeLimits(problem));
  return limits.get(problem);
}

// What all values but the fiftieth at each end lie between.
function computeLimits(problem) {
  const sorted = Array.from(problem.truth === null ? problem.values : problem.truth.data).sort((a, b) => a - b);
  const cut = Math.floor(sorted.length / 50);
  return [sorted[cut], sorted[sorted.length - 1 - cut]];
}

export function drawSpectrum(svg, run, xMax, now, truthValues, withLaw) {
  const { moments } = run;
  const count = run.last.singularValues.length;
  const values = Array.from({ length: count }, (_, r) => ({
    points: moments.map((moment) => [moment.time, moment.singularValues[r]]),
    className: `sigma s${Math.min(r, 5)}`,
  })).reverse();
  const shown = withLaw ? Math.min(truthValues.length || 3, 6, count) : 0;
  const law = Array.from({ length: shown }, (_, r) => arcs(moments, run.settings.depth, r, xMax / LAW_ARCS))
    .flat()
    .map((points) => ({ points, className: "law" }));
  const top = Math.max(...truthValues, ...moments.map((moment) => moment.singularValues[0]));
  drawChart(svg, { lines: [...values, ...law], levels: truthValues, xMax, yLimits: [0, 1.05 * top], xLabel: "time", now });
}

function drawErrors(run, xMax, now, hasTruth) {
  const lines = [{ points: run.moments.map((moment) => [moment.time, moment.loss]), className: "s0" }];
  if (hasTruth) lines.push({ points: run.moments.map((moment) => [moment.time, moment.error]), className: "s1" });
  const all = lines.flatMap(({ points }) => points.filter(([x, y]) => x <= xMax && y > 0).map(([, y]) => y));
  const yLimits = [10 ** Math.floor(Math.log10(Math.min(...all))), 10 ** Math.ceil(Math.log10(1.01 * Math.max(...all)))];
  drawChart(find("errors"), { lines, xMax, yLimits, isLog: true, xLabel: "time", now });
  find("error-legend").hidden = !hasTruth;
}

function drawNorms(run, xMax, now) {
  const ranks = run.moments.map((moment) => [moment.time, moment.effectiveRank]);
  const largest = Math.max(...run.moments.map((moment) => moment.nuclearNorm));
  const top = Math.max(...ranks.map(([, rank]) => rank));
  const norms = run.moments.map((moment) => [moment.time, (moment.nuclearNorm / largest) * top]);
  const lines = [{ points: ranks, className: "s0" }, { points: norms, className: "s1" }];
  drawChart(find("norms"), { lines, xMax, yLimits: [0, 1.05 * top], xLabel: "time", now });
  find("norm-legend").textContent = `nuclear norm (largest: ${short(largest)})`;
}

// A run in small: its completion, its spectrum and three numbers.
export function drawCard(card, run, index, truthValues) {
  const moment = run.moments[index];
  drawMatrix(card.querySelector("canvas"), moment.product, limitsOf(run.problem));
  drawSpectrum(card.querySelector("svg"), run, span(run), moment.time, truthValues, false);
  tell(card, run.problem, moment);
}

export function drawNuclear(card, solver) {
  drawMatrix(card.querySelector("canvas"), solver.product, limitsOf(solver.problem));
  tell(card, solver.problem, solver);
}

function tell(card, problem, moment) {
  const isKnown = problem.truth !== null && Number.isFinite(moment.error);
  const error = isKnown ? [["error on hidden", short(moment.error)]] : [];
  const words = [
    ...error, ["effective rank", moment.effectiveRank.toFixed(2)], ["nuclear norm", short(moment.nuclearNorm)],
  ];
  card.querySelector("dl").replaceChildren(...words.map(([name, value]) => pair(name, value)));
}
