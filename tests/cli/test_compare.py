"""`rankfall compare`: one table, one picture, JSON, and bad input told in a sentence."""

import functools
import importlib
import json
import math
import os
import re
import signal
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from typer.testing import CliRunner

from rankfall.cli import app
from rankfall.comparison import Comparison, Method, Standing, compare
from rankfall.comparison.libraries import SurpriseSVD
from rankfall.comparison.measuring import peak_megabytes
from rankfall.errors import InputError
from rankfall.pictures import ComparisonPicture
from tests.helpers.comparisons import inside, noisy_problem


@dataclass(frozen=True)
class Killed(Method):
    """Ends its process as the kernel does when memory runs out, unless the table is the tiny one of the warm-up."""

    name: ClassVar[str] = "killed"
    title: ClassVar[str] = "killed"

    def fit_predict(self, problem, rows, cols, seed):
        if problem.shape != (80, 60):
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(rows.size)


def standings() -> Comparison:
    rows = (
        Standing("rankfall", "rankfall", (0.5, 0.7), (0.4, 0.5), 1.5, 300.0),
        Standing("als", "effects + ALS", (0.9, 0.7), (0.6, 0.5), 0.25, 200.0),
        Standing("knn", "sklearn KNNImputer", reason="too large: [red]"),
    )
    return Comparison(rows, (40, 30), 700, 0.1, 2, 0, (None, 5.0))


def test_frame_and_json_have_the_rows_and_nothing_for_what_is_not_known(tmp_path):
    found = standings()
    frame = found.frame()
    assert frame["method"].to_list() == ["rankfall", "als", "knn"]
    assert frame["error"].to_list() == [pytest.approx(0.6), pytest.approx(0.8), None]
    assert frame["reason"].to_list() == [None, None, "too large: [red]"]
    found.to_json(tmp_path / "table.json")
    written = json.loads((tmp_path / "table.json").read_text())
    assert written["best"] == "rankfall"
    assert written["bounds"] == [None, 5.0]
    assert written["rows"][0]["errors"] == [0.5, 0.7]
    assert written["rows"][2]["seconds"] is None
    with pytest.raises(InputError, match="folder must exist"):
        found.to_json(tmp_path / "nowhere" / "table.json")


def test_the_picture_shows_what_was_measured(tmp_path):
    from matplotlib.figure import Figure

    picture = ComparisonPicture(standings())
    numbers = picture.frame()
    assert numbers["title"] == ["rankfall", "effects + ALS"]
    np.testing.assert_allclose(numbers["error"], [0.6, 0.8])
    np.testing.assert_allclose(numbers["spread"], [0.1 * math.sqrt(2)] * 2)
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert picture.plot(axes) is figure
    assert [label.get_text() for label in axes[0].get_yticklabels()] == numbers["title"]
    assert axes[0].get_ylim() == (1.5, -0.5)
    np.testing.assert_allclose(axes[1].collections[0].get_offsets()[:, 0], numbers["seconds"])
    picture.save(tmp_path / "table.png")
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="needs a method that was measured, got none"):
        ComparisonPicture(Comparison(standings().rows[2:], (4, 3), 7, 0.1, 1, 0, (None, None)))


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    room = importlib.import_module("rankfall.comparison")
    monkeypatch.setattr(room, "compare", functools.partial(compare, in_process=True))

    def run(*words):
        result = CliRunner().invoke(app, ["compare", *map(str, words)], prog_name="rankfall")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def write_table(path="table.csv"):
    problem = noisy_problem((20, 8))
    table = np.full(problem.shape, np.nan)
    table[problem.rows, problem.cols] = problem.values
    lines = [",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in table]
    with open(path, "w") as file:
        file.write("\n".join([",".join("abcdefgh"), *lines]) + "\n")


def write_entries(path="entries.csv"):
    problem = noisy_problem((20, 8))
    entries = zip(problem.rows.tolist(), problem.cols.tolist(), problem.values.tolist(), strict=True)
    with open(path, "w") as file:
        file.write("\n".join(["user,item,stars", *(f"u{i:02},i{j},{x}" for i, j, x in entries)]) + "\n")


def test_the_command_prints_one_table_sorted_and_writes_what_is_asked(shell, tmp_path):
    write_table()
    ended = shell(
        "table.csv", "--methods", "column-means,als, effects", "--repeats", 2, "--plot", "t.png", "--json", "t.json"
    )
    assert ended.exit_code == 0
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["method", "error", "absolute", "error", "seconds", "peak", "MB"]
    assert lines[2].startswith("effects + ALS")
    assert all("±" in line for line in lines[2:5])
    assert "20 × 8" in lines[5]
    assert "10 % held out, 2 times" in lines[5]
    written = json.loads((tmp_path / "t.json").read_text())
    assert [row["title"] for row in written["rows"]] == [line[:27].split("  ")[0] for line in lines[2:5]]
    assert (tmp_path / "t.png").exists()


def test_lists_of_entries_are_the_same_table(shell, tmp_path):
    write_table()
    write_entries()
    options = ("--methods", "effects", "--json", "t.json", "--min", -1, "--max", 1)
    errors = []
    for words in (("table.csv",), ("entries.csv", "--triplets", "user,item,stars")):
        assert shell(*words, *options).exit_code == 0
        errors.append(json.loads((tmp_path / "t.json").read_text())["rows"][0]["error"])
    assert errors[0] == pytest.approx(errors[1])


def test_methods_without_a_row_have_their_reason_below(shell, monkeypatch):
    write_table()
    monkeypatch.setattr(SurpriseSVD, "module", "no_such_library")
    ended = shell("table.csv", "--methods", "effects,surprise-svd", "--repeats", 1)
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == "Surprise SVD: not installed; pip install scikit-surprise"
    assert "±" not in ended.stdout
    ended = shell("table.csv", "--methods", "surprise-svd", "--json", "t.json")
    assert ended.exit_code == 2
    assert "needs a method that can be measured, got none (surprise-svd: not installed" in ended.stderr
    assert not os.path.exists("t.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.csv"], "the input file must exist, 'nothing.csv' does not"),
        (["table.doc"], "the extension must name a known format"),
        (["table.csv", "--methods", "rankfall,knm"], "a method must be one of rankfall, .*got 'knm'"),
        (["table.csv", "--methods", ""], "a method must be one of .*got ''"),
        (["table.csv", "--holdout", "1"], "holdout must lie between 0 and 1, got 1.0"),
        (["table.csv", "--repeats", "0"], "repeats must be at least 1"),
        (["table.csv", "--seed", "-3"], "seed must not be negative"),
        (["table.csv", "--min", "2", "--max", "1"], "the lower bound must not exceed the upper"),
        (["table.csv", "--plot", "table.pdf"], "a picture is drawn as a PNG"),
        (["table.csv", "--plot", "nowhere/table.png"], "the output's folder must exist"),
        (["table.csv", "--json", "table.txt"], "the table is written as JSON, got 'table.txt'"),
        (["table.csv", "--json", "nowhere/t.json"], "the output's folder must exist"),
        (["table.csv", "--triplets", "a,b,z"], "'z'"),
        (["table.csv", "--duplicates", "first"], "duplicates must be one of error, mean, last"),
        (["entries.csv", "--triplets", "user,item,stars", "--labels", "user"], "--labels is for tables"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(shell, words, message, tmp_path):
    write_table()
    write_entries()
    before = set(tmp_path.iterdir())
    ended = shell(*words, *([] if "--json" in words else ["--json", "t.json"]))
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("rankfall: ")
    assert len(ended.stderr.splitlines()) == 1
    assert re.search(message, ended.stderr), ended.stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.slow
def test_a_process_for_each_method_gives_the_same_errors_and_memory_of_its_own():
    problem, methods = noisy_problem(), ["als", "column-means"]
    ballast = np.ones(10**8)  # 800 MB that are nobody else's
    apart = compare(problem, methods=[*methods, Killed()], repeats=2)
    assert peak_megabytes() > ballast.nbytes / 1e6
    here = inside(problem, methods, repeats=2)
    assert [row.errors for row in apart.rows[:2]] == [row.errors for row in here.rows]
    for row in apart.rows[:2]:
        assert 30 < row.peak_megabytes < 600
    assert math.isnan(here.rows[0].peak_megabytes)
    assert apart.rows[2].reason == "its process was ended by SIGKILL, memory probably ran out"
