// The page: controls into a state, a state into runs, runs into pictures, frame by frame.

import { decompose } from "./matrix.js";
import { SmallestNuclearNorm } from "./nuclear.js";
import { drawCard, drawMoment, drawNuclear, drawProblem } from "./panels.js";
import { parse, planted } from "./problem.js";
import { Run } from "./run.js";
import { fromAddress, toAddress } from "./state.js";
import { LESSONS } from "./story.js";

const DEPTHS = [1, 2, 3];
const ROUNDS = 4;
const STEPS_APIECE = 200;
const BUDGET = 12; // milliseconds
const find = (id) => document.getElementById(id);
const inputs = Array.from(document.querySelectorAll("[data-setting]"));

let state = fromAddress(location.hash);
let runs = null; // { main, cards: Run[], nuclear, others: functions that move the cards on, truthValues }
let turn = 0;
let isPlaying = false;
let moment = null; // null: the newest
const frames = { count: 0, seconds: 0 };

// What a control shows is a power of ten for scale and rate, a number or a word for the others.
const isPower = (input) => input.dataset.setting === "scale" || input.dataset.setting === "rate";
const read = (input) => {
  if (input.tagName !== "INPUT") return input.value;
  return isPower(input) ? Number((10 ** Number(input.value)).toPrecision(3)) : Number(input.value);
};

function showControls() {
  for (const input of inputs) {
    const value = state[input.dataset.setting];
    input.value = isPower(input) ? Math.log10(value) : value;
    const output = document.querySelector(`output[for="${input.id}"]`);
    if (output) output.textContent = input.dataset.unit === "%" ? `${Math.round(100 * value)} %` : String(value);
  }
  find("rate-row").hidden = state.method !== "descent";
  find("planted").hidden = state.matrix.trim() !== "";
  const lesson = LESSONS[state.lesson];
  find("lesson-title").textContent = `${state.lesson + 1}. ${lesson.title}`;
  find("lesson-text").textContent = lesson.text;
  for (const [place, button] of Array.from(find("lessons").children).entries())
    button.setAttribute("aria-current", place === state.lesson ? "step" : "false");
}

function restart() {
  let problem;
  try {
    problem = state.matrix.trim() ? parse(state.matrix) : planted(state);
  } catch (error) {
    find("refusal").textContent = error.message;
    isPlaying = false;
    showPlaying();
    return;
  }
  find("refusal").textContent = "";
  const truthValues = problem.truth === null ? [] : decompose(problem.truth).values.filter((value) => value > 1e-9);
  const main = new Run(problem, state);
  const cards = DEPTHS.map((depth) =>
    depth === state.depth ? main : new Run(problem, { ...state, depth }),
  );
  const nuclear = new SmallestNuclearNorm(problem);
  nuclear.advance();
  const others = cards.filter((run) => run !== main).map((run) => () => run.advance());
  others.push(() => advanceNuclear(nuclear));
  runs = { main, cards, nuclear, others, truthValues };
  moment = null;
  drawProblem(problem);
  draw();
}

// The chosen run moves on, then the ones beside it, in turn, until `end` (milliseconds): all of them without it.
function advance(end = Infinity) {
  runs.main.advance();
  for (let k = 0; k < runs.others.length && performance.now() < end; k++) {
    runs.others[turn % runs.others.length]();
    turn += 1;
  }
}

function advanceNuclear(solver) {
  for (let k = 0; k < ROUNDS; k++) solver.advance();
}

const isOver = () => runs.main.end && runs.cards.every((run) => run.end) && runs.nuclear.isDone;

// `only`: the one card that this frame draws again; all of them without it.
function draw(only = null) {
  const last = runs.main.moments.length - 1;
  const index = moment === null ? last : Math.min(moment, last);
  const slider = find("time");
  slider.max = last;
  slider.value = index;
  slider.setAttribute("aria-valuetext", `time ${runs.main.moments[index].time.toPrecision(4)}`);
  drawMoment(runs.main, index, runs.truthValues, true);
  for (const [place, run] of runs.cards.entries()) {
    if (only !== null && place !== only) continue;
    const own = moment === null ? run.moments.length - 1 : Math.round((index / Math.max(last, 1)) * (run.moments.length - 1));
    drawCard(find(`depth-${DEPTHS[place]}`), run, own, runs.truthValues);
  }
  if (only === null || only === DEPTHS.length) drawNuclear(find("nuclear"), runs.nuclear);
}

function showPlaying() {
  find("play").textContent = isPlaying ? "Pause" : "Play";
}

function play(wanted) {
  if (wanted && runs && isOver()) restart();
  isPlaying = wanted && runs !== null;
  if (isPlaying) moment = null;
  showPlaying();
  if (isPlaying) requestAnimationFrame(frame);
}

let before = 0;
function frame(now) {
  if (!isPlaying) return;
  frames.count += 1;
  if (before && now - before < 1000) frames.seconds += (now - before) / 1000;
  before = now;
  // later moments are closer in what they show: several of them make one frame, as far as there is time
  const rounds = 1 + Math.floor(runs.main.moments.length / STEPS_APIECE);
  for (let k = 0; k < rounds && performance.now() - now < BUDGET; k++) advance(now + BUDGET);
  if (isOver()) {
    draw();
    play(false);
    before = 0;
    return;
  }
  draw(frames.count % (DEPTHS.length + 1));
  requestAnimationFrame(frame);
}

function change(next) {
  state = { ...state, moment: 0, ...next };
  history.replaceState(null, "", toAddress(state));
  showControls();
  restart();
}

for (const input of inputs)
  input.addEventListener(input.tagName === "TEXTAREA" ? "change" : "input", () =>
    change({ [input.dataset.setting]: read(input) }),
  );
find("play").addEventListener("click", () => play(!isPlaying));
find("step").addEventListener("click", () => {
  play(false);
  if (!runs) return;
  moment = null;
  advance();
  draw();
});
find("restart").addEventListener("click", () => change({}));
find("time").addEventListener("input", () => {
  play(false);
  moment = Number(find("time").value);
  if (runs) draw();
});
find("link").addEventListener("click", async () => {
  const index = Number(find("time").value);
  history.replaceState(null, "", toAddress({ ...state, moment: index }));
  try {
    await navigator.clipboard.writeText(location.href);
    find("copied").textContent = "The link is copied.";
  } catch {
    find("copied").textContent = "The link is in the address bar.";
  }
});
find("planted-again").addEventListener("click", () => change({ matrix: "" }));
find("next-lesson").addEventListener("click", () => lesson((state.lesson + 1) % LESSONS.length));
window.addEventListener("hashchange", () => open(fromAddress(location.hash)));

function lesson(place) {
  play(false);
  change({ ...LESSONS[place].state, lesson: place });
  play(true);
}

function open(given) {
  state = given;
  showControls();
  restart();
  if (!runs) return;
  while (runs.main.moments.length <= state.moment && !isOver()) advance();
  draw();
}

LESSONS.forEach(({ title }, place) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${place + 1}. ${title}`;
  button.addEventListener("click", () => lesson(place));
  find("lessons").append(button);
});
find("unserved").remove();
open(state);

// For tests and for the curious: the state and the runs behind the pictures.
window.playground = { get state() { return state; }, get runs() { return runs; }, frames };
