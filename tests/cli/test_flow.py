"""`rankfall flow`: what it tells of a run, what it saves, and what it refuses."""

import re
import signal
from pathlib import Path

import numpy as np
import pytest

import rankfall as rf
from rankfall.report import summarize
from rankfall.trajectory import step_hook
from tests.helpers.shell import HOLES, low_rank, shell, text

SMALL = ("--rows", 12, "--cols", 10, "--rank", 2, "--observed", 80)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A small run that others ask about: what was printed, the run as it lies on disk, and its folder."""
    folder = tmp_path_factory.mktemp("told")
    ended = shell("flow", *SMALL, "-o", folder / "run.zarr", "--plot", folder / "run.png")
    return ended, rf.Trajectory.load(folder / "run.zarr"), folder


def escapes(stdout: str) -> list[tuple[float, int]]:
    """Time and r of the lines that were printed while the run went on."""
    heading = stdout.index("escaped at     r")
    lines = stdout[heading:].split("\n\n")[0].splitlines()[1:]
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


# --- what it tells --------------------------------------------------------------------------------------------------


def test_singular_values_are_told_as_they_escape(told):
    ended, run, _ = told
    assert (ended.code, ended.stderr) == (0, "")
    expected = [(event.time, event.index + 1) for event in run.events]
    assert [r for _, r in expected] == [1, 2]
    assert escapes(ended.stdout) == [(pytest.approx(time, rel=1e-5), r) for time, r in expected]


def test_the_table_sets_singular_values_beside_those_of_the_truth(told):
    ended, run, _ = told
    table = ended.stdout[ended.stdout.index("of the truth") :].splitlines()[1:4]
    for line, value in zip(table, run.singular_values, strict=False):
        assert float(line.split()[1]) == pytest.approx(value, rel=1e-4)
    for line in table[:2]:
        learnt, true = map(float, line.split()[1:3])
        assert learnt == pytest.approx(true, rel=1e-2)
    assert table[2].split()[-1] == "-"


def test_theorems_are_asked_and_hold(told):
    report = told[0].stdout[told[0].stdout.index("verdict") :].split("\n\n")[0].splitlines()[1:]
    report = [line for line in report if not line.startswith("not applicable")]
    assert len(report) >= 5
    assert all(line.startswith("holds ") for line in report)
    for claim in ("σ̇_r = −N (σ_r²)^{1−1/N} ⟨∇ℓ, u_r v_rᵀ⟩", "is conserved", "never rises"):
        assert any(claim in line for line in report)


def test_the_summary_ends_with_where_the_run_is(told):
    ended, run, folder = told
    summary = ended.rows
    for name in ("ended", "time", "loss", "test error", "effective rank", "nuclear norm", "steps", "seconds"):
        assert name in summary
    assert summary["ended"].endswith("converged: the loss fell below 1e-06")
    assert float(summary["loss"].split()[-1]) == pytest.approx(run.loss, rel=1e-3)
    assert f"{run.evaluations} gradients" in summary["steps"]
    assert ended.stdout.splitlines()[-1].split() == ["saved", str(folder / "run.zarr")]


def test_the_run_on_disk_is_the_run(told):
    run, folder = told[1], told[2]
    kept = {"time", "loss", "test_error", "singular_values", "effective_rank", "imbalance", "curvature", "block_means"}
    assert set(run.history) == kept
    assert run.history["singular_values"].shape == (run.history["time"].size, 10)
    np.testing.assert_allclose(np.linalg.svd(run.product, compute_uv=False), run.singular_values, atol=1e-12)
    assert run.history["test_error"][-1] < 1e-4
    assert (folder / "run.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in folder.iterdir()) == ["run.png", "run.zarr"]


def test_the_report_of_the_saved_run_shows_w_moving_and_the_theorems(told):
    run = told[1]
    summary = summarize(run)
    np.testing.assert_allclose(summary.motion.maps[-1], run.product, atol=1e-9)
    assert summary.motion.maps.shape[0] == summary.motion.times.size
    printed = [line for line in told[0].stdout.splitlines() if line.startswith("holds")]
    assert len(summary.claims) == len(printed) > 5
    assert all(claim.holds and claim.statement in line for claim, line in zip(summary.claims, printed, strict=True))
    assert f"{run.events[0].time:.4g}" in summary.findings[1]


def test_seeds_of_matrix_entries_and_start_follow_from_one(told):
    again = shell("flow", *SMALL, "-o", "again.zarr", "--no-report")
    other = shell("flow", *SMALL, "-o", "other.zarr", "--no-report", "--seed", 1)
    assert escapes(again.stdout) == escapes(told[0].stdout)
    assert escapes(other.stdout) != escapes(told[0].stdout)
    np.testing.assert_array_equal(rf.Trajectory.load("again.zarr").product, told[1].product)


# --- other ways to ask ----------------------------------------------------------------------------------------------


def test_a_table_with_holes_takes_the_place_of_a_planted_matrix():
    truth, holes = low_rank()
    Path("table.csv").write_text("\n".join(",".join("" if np.isnan(x) else f"{x:.17g}" for x in row) for row in holes))
    ended = shell("flow", "--input", "table.csv", "--depth", 2, "--no-report")
    assert (ended.code, ended.stderr) == (0, "")
    assert "of the truth" not in ended.stdout
    assert "test error" not in ended.rows
    run = rf.Trajectory.load("run.zarr")
    seen = ~np.isnan(holes)
    assert np.mean((run.product - truth)[seen] ** 2) < 2e-6
    assert run.events[0].index == 0


def test_entries_are_read_as_they_are():
    np.savez("entries.npz", rows=[0, 0, 1, 2], cols=[0, 1, 1, 2], values=[1.0, 2.0, 3.0, -1.0], shape=[3, 4])
    assert shell("flow", "--input", "entries.npz", "--depth", 2, "--no-report", "-q").code == 0
    run = rf.Trajectory.load("run.zarr")
    assert run.product.shape == (3, 4)
    np.testing.assert_allclose(run.predict([0, 0, 1, 2], [0, 1, 1, 2]), [1.0, 2.0, 3.0, -1.0], atol=1e-2)


@pytest.mark.parametrize("start", ["gaussian", "uniform", "identity", "orthogonal", "balanced", "spectral"])
def test_every_start_has_its_name(start):
    assert shell("flow", *SMALL, "--depth", 2, "--start", start, "--no-report", "-q").code == 0
    assert rf.Trajectory.load("run.zarr").settings["start"].startswith(start.capitalize())


def test_a_spectral_start_takes_its_width():
    assert shell("flow", *SMALL, "--start", "spectral", "--width", 4, "--no-report", "-q").code == 0
    assert [layer.shape for layer in rf.Trajectory.load("run.zarr").layers] == [(4, 10), (4, 4), (12, 4)]


def test_options_reach_the_run():
    words = ("--depth", 4, "--width", 3, "--scale", 1e-2, "--rtol", 1e-2, "--loss", 1e-2, "--seed", 5)
    assert shell("flow", *SMALL, *words, "--no-report", "-q").code == 0
    run = rf.Trajectory.load("run.zarr")
    assert [layer.shape for layer in run.layers] == [(3, 10), (3, 3), (3, 3), (12, 3)]
    assert "scale=0.01" in run.settings["start"]
    assert "rtol=0.01" in run.settings["integrator"]
    assert "loss=0.01" in run.settings["stop"]
    assert run.loss <= 1e-2


def test_quiet_prints_nothing_and_no_report_leaves_the_theorems_out(told):
    assert shell("flow", *SMALL, "-q", "-o", "a.zarr")[:3] == (0, "", "")
    assert "verdict" not in shell("flow", *SMALL, "--no-report", "-o", "a.zarr").stdout
    np.testing.assert_array_equal(rf.Trajectory.load("a.zarr").product, told[1].product)


def test_a_run_takes_the_place_of_a_run():
    for seed in (0, 1):
        assert shell("flow", *SMALL, "-q", "--seed", seed).code == 0
    assert rf.Trajectory.load("run.zarr").seed == 1
    assert [path.name for path in Path().iterdir()] == ["run.zarr"]


@pytest.mark.slow
def test_the_standard_problem_of_the_papers():
    sizes = ("--rows", 100, "--cols", 100, "--rank", 5, "--observed", 2000)
    ended = shell("flow", *sizes, "--depth", 3, "--scale", 1e-3, "-o", "run.zarr")
    assert ended.code == 0
    assert [r for _, r in escapes(ended.stdout)] == [1, 2, 3, 4, 5]
    assert "FAILS" not in ended.stdout
    assert rf.Trajectory.load("run.zarr").history["test_error"][-1] < 1e-3


# --- early ends -----------------------------------------------------------------------------------------------------


def test_ctrl_c_saves_the_best_so_far():
    def press(state):
        if state.step == 30 and state.runs.size:
            signal.raise_signal(signal.SIGINT)

    with step_hook(press):
        ended = shell("flow", *SMALL)
    assert ended.code == 130
    assert ended.stderr.startswith("warning: interrupted, the best found so far is saved to 'run.zarr'\n")
    assert "verdict" not in ended.stdout
    run = rf.Trajectory.load("run.zarr")
    assert str(run.status) == "interrupted"
    assert np.isfinite(run.product).all()


def test_a_run_that_diverges_is_saved_and_exits_1(monkeypatch):
    monkeypatch.setattr("rankfall.integrators.Flow", lambda rtol: rf.Descent(rf.Gradient(rate=300.0)))
    ended = shell("flow", *SMALL, "--no-report")
    assert ended.code == 1
    assert ended.stderr.startswith("warning: ")
    assert "diverged" in ended.rows["ended"]
    assert np.isfinite(rf.Trajectory.load("run.zarr").product).all()


# --- what it refuses ------------------------------------------------------------------------------------------------


def refused(*words) -> str:
    """The sentence; exit code 2, one line, nothing written."""
    there = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    ended = shell("flow", *words)
    assert (ended.code, ended.stdout) == (2, ""), ended
    assert re.fullmatch(r"rankfall: [^\n]+\n", ended.stderr)
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == there
    return ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--depth", 0), "depth must be at least 1, got 0"),
        (("--width", 0), "width must be at least 1, got 0"),
        (("--start", "spectral", "--width", 0), "width must be at least 1, got 0"),
        (("--start", "zero"), "--start must be one of gaussian, uniform, identity"),
        (("--scale", 0), "scale must be positive"),
        (("--scale", "nan"), "scale must be positive"),
        (("--rtol", 0), "rtol must"),
        (("--rtol", 2), "rtol must"),
        (("--loss", 0), "the loss to stop at must be positive, got 0.0"),
        (("--loss", "nan"), "the loss to stop at must be positive, got nan"),
        (("--seed", -1), "--seed must lie between 0 and 4294967295, got -1"),
        (("--rows", 0), "--rows must be at least 1, got 0"),
        (("--cols", -3), "--cols must be at least 1, got -3"),
        (("--rows", 10**5, "--cols", 10**5), "at most 1e+08 entries, got 100000 × 100000"),
        (("--rank", 0), "--rank must lie between 1 and 100, got 0"),
        (("--rows", 4, "--rank", 5), "--rank must lie between 1 and 4, got 5"),
        (("--observed", 0), "--observed must lie between 1 and 10000, got 0"),
        (("--rows", 4, "--cols", 4, "--rank", 1, "--observed", 17), "--observed must lie between 1 and 16, got 17"),
        (("--plot", "run.jpg"), "a picture is drawn as a PNG, got 'run.jpg'"),
        (("--plot", "no/run.png"), "the output's folder must exist, 'no' does not"),
        (("-o", "no/run.zarr"), "the folder of a saved run must exist, got no"),
        (("--input", "no.csv"), "the input file must exist, 'no.csv' does not"),
        (("--input", "t.csv", "--rank", 2), "--rank is for planted matrices"),
    ],
)
def test_bad_options_are_a_sentence(options, words):
    assert words in refused(*options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (text().replace("7.5", "oops"), "'oops' is not a number"),
        ("a,b\n,\n,NA\n", "at least one entry must be observed"),
        ("a,b\n0,0\n0,\n", "the data must differ from zero"),
        ("", "must hold a table, 't.csv' is empty"),
    ],
)
def test_tables_that_cannot_be_followed_are_a_sentence(content, words):
    Path("t.csv").write_text(content)
    assert words in refused("--input", "t.csv")


def test_numbers_whose_squares_overflow_are_a_sentence():
    np.save("t.npy", 1e200 * HOLES)
    assert "finite" in refused("--input", "t.npy")


def test_nothing_but_a_run_is_replaced():
    Path("run.zarr").write_text("notes")
    assert "a run is saved to a new name or over another run" in refused(*SMALL)


def test_ctrl_c_before_there_is_a_run_writes_nothing(monkeypatch):
    def press(*arguments, **options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("rankfall.datasets.planted", press)
    assert shell("flow", *SMALL)[:3] == (130, "", "rankfall: interrupted before there was a result to keep\n")
    assert not list(Path().iterdir())


def test_a_loss_below_rounding_is_refused_as_no_run_would_reach_it():
    np.save("t.npy", HOLES * 1e100)
    ended = shell("flow", "--input", "t.npy", "--loss", "0.1", "-o", "h.zarr")
    assert ended.code == 2
    assert "must be above what rounding leaves of this matrix" in ended.stderr
    assert not Path("h.zarr").exists()
