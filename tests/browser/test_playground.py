"""The playground in a real browser: the flow of Python, frame by frame, on every screen."""

import numpy as np
import pytest

import rankfall as rf

pytestmark = pytest.mark.browser

_FLOW = """async ({shape, rows, cols, values, weights, depth, horizon, rtol}) => {
  const { Chain } = await import("/chain.js");
  const { Completion } = await import("/problem.js");
  const { Flow } = await import("/flow.js");
  const [m, n] = shape;
  const problem = new Completion(m, n, rows.map((row, k) => row * n + cols[k]), values);
  const chain = new Chain(depth, m, n);
  const flow = new Flow((now) => chain.lossAndGradient(problem, now), Float64Array.from(weights), rtol, horizon);
  while (flow.time < horizon) flow.advance();
  return Array.from(chain.product(flow.weights).data);
}"""
_IS_OVER = "() => document.getElementById('play').textContent === 'Play'"


def lesson(page, number: int) -> None:
    page.click(f"#lessons button:nth-child({number})")
    page.wait_for_function(_IS_OVER, timeout=240_000)


def errors(page) -> list[float]:
    """Mean squared error on hidden entries: nuclear norm, depth 1, 2, 3."""
    return page.evaluate("() => [playground.runs.nuclear.error, ...playground.runs.cards.map((run) => run.last.error)]")


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_flow_reaches_the_product_of_python(open_page, playground_address, depth):
    rng = np.random.default_rng(depth)
    truth = rng.standard_normal((9, 2)) @ rng.standard_normal((2, 7))
    problem = rf.Completion.from_array(np.where(rng.random(truth.shape) < 0.6, truth, np.nan))
    model, horizon = rf.Chain(depth), 6.0
    layers = [0.3 * rng.standard_normal(shape) for shape in model.sized(problem.shape).layer_shapes]
    run = rf.evolve(problem, model, rf.models.FromLayers(layers), rf.Flow(1e-8), stop=rf.TimeReached(horizon))
    start = {
        "shape": list(problem.shape), "rows": problem.rows.tolist(), "cols": problem.cols.tolist(),
        "values": problem.values.tolist(), "weights": np.concatenate([layer.ravel() for layer in layers]).tolist(),
        "depth": depth, "horizon": horizon, "rtol": 1e-8,
    }  # fmt: skip
    there = np.reshape(open_page(playground_address).evaluate(_FLOW, start), problem.shape)
    moved = np.linalg.norm(run.product - np.linalg.multi_dot([*layers[::-1], np.eye(7)]))
    assert moved > 0.1 * np.linalg.norm(run.product)
    assert np.linalg.norm(there - run.product) <= 1e-5 * np.linalg.norm(run.product)


def test_depth_and_a_small_start_complete_where_the_nuclear_norm_fails(open_page, playground_address, keep):
    page = open_page(playground_address)
    lesson(page, 3)
    nuclear, one, two, three = errors(page)
    assert three < 1e-3 < 1e-2 < nuclear
    assert two < one
    keep(page, "playground")
    lesson(page, 4)
    assert errors(page)[3] > 0.1


def test_the_law_runs_through_the_measured_values(open_page, playground_address):
    page = open_page(playground_address)
    lesson(page, 5)
    gap = page.evaluate(
        """async () => {
          const { arcs } = await import("/law.js");
          const { main } = playground.runs;
          const at = new Map(main.moments.map((moment) => [moment.time, moment.singularValues]));
          const gaps = [0, 1, 2].flatMap((r) => arcs(main.moments, main.settings.depth, r, 20).flat()
            .map(([time, value]) => Math.abs(value - at.get(time)[r])));
          return Math.max(...gaps) / main.last.singularValues[0];
        }"""
    )
    assert gap < 0.02


def test_no_norm_explains_it(open_page, playground_address):
    page = open_page(playground_address)
    lesson(page, 6)
    end = page.evaluate("() => playground.runs.main.last")
    assert end["nuclearNorm"] > 100
    assert end["effectiveRank"] < 1.05


def test_the_singular_values_are_those_of_numpy(open_page, playground_address):
    matrix = np.random.default_rng(0).standard_normal((7, 11)) @ np.diag([*np.ones(9), 0, 0])
    found = open_page(playground_address).evaluate(
        """async (rows) => {
          const { decompose, fromRows, toRows } = await import("/matrix.js");
          const { u, values, v } = decompose(fromRows(rows));
          return { u: toRows(u), values, v: toRows(v) };
        }""",
        matrix.tolist(),
    )
    u, values, v = (np.asarray(found[name]) for name in ("u", "values", "v"))
    np.testing.assert_allclose(values, np.linalg.svd(matrix, compute_uv=False), atol=1e-12)
    np.testing.assert_allclose(u @ np.diag(values) @ v.T, matrix, atol=1e-12)


def test_a_link_restores_the_state_and_the_moment(open_page, playground_address):
    page = open_page(f"{playground_address}#rows=12&cols=9&rank=1&depth=2&seed=5")
    page.click("#play")
    page.wait_for_function(_IS_OVER)
    page.evaluate("const s = document.getElementById('time'); s.value = 30; s.dispatchEvent(new Event('input'))")
    shown = page.inner_text("#numbers")
    page.click("#link")
    page.wait_for_function("() => document.getElementById('copied').textContent !== ''")
    again = open_page(page.url)
    assert again.evaluate("() => playground.runs.main.moments.length") == 31
    assert again.inner_text("#numbers") == shown


def test_thirty_frames_a_second_at_thirty_by_thirty(open_page, playground_address):
    page = open_page(f"{playground_address}#rows=30&cols=30")
    page.click("#play")
    page.wait_for_function("() => playground.frames.count >= 60", timeout=30_000)
    assert page.evaluate("() => playground.frames.count / playground.frames.seconds") >= 30


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 2\n3", "All rows must have 2 cells like the first, row 2 has 1."),
        ("1,2\n3,<b>x</b>", "Row 2, column 2 must be a number or empty, got “<b>x</b>”."),
        ("\n".join(["1 2"] * 41), "A matrix here has at most 40 rows and columns, got 41 × 2."),
        ("? ?\n? ?", "At least one cell must be a number, got none."),
    ],
)  # fmt: skip
def test_a_pasted_matrix_that_cannot_be_read_is_refused(open_page, playground_address, text, sentence):
    page = open_page(playground_address)
    page.fill("#matrix", text)
    page.dispatch_event("#matrix", "change")
    assert page.inner_text("#refusal") == sentence


def test_descent_with_a_large_step_says_that_it_diverged(open_page, playground_address):
    page = open_page(f"{playground_address}#method=descent&rate=100")
    page.click("#play")
    page.wait_for_function(_IS_OVER)
    assert page.inner_text("#ended") == "Ended: diverged: choose a smaller step."


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, playground_address, violations, keep, width, scheme):
    page = open_page(playground_address, width, color_scheme=scheme)
    lesson(page, 1)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    keep(page, f"playground-{width}-{scheme}")
    assert violations(page) == []
