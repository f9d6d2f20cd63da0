"""The report of a tensor's fit: its numbers, computed anew here, and its page."""

import re

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError
from rankfall.report import short_html, summarize


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    whole = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((side, 2)) for side in (4, 9, 7)))
    whole += 0.05 * rng.standard_normal(whole.shape)
    holes = np.where(rng.random(whole.shape) < 0.3, np.nan, whole)
    holes[:, 5, :] = np.nan
    with pytest.warns(UserWarning, match="slices without an observed entry"):
        return rf.DeepTensorCompletion().fit(holes)


def test_methods_are_judged_on_the_entries_held_out(fit):
    summary, held, problem = summarize(fit), fit.held_out_, fit.problem_
    train = np.full(problem.shape, np.nan)
    train[*problem.indices] = problem.values
    train[*held.indices] = np.nan
    mean, sums = np.nanmean(train), np.full(held.values.size, np.nanmean(train))
    for axis in range(3):
        with np.errstate(invalid="ignore"):
            parts = np.nanmean(
                np.moveaxis(train, axis, 0)[:, ...].reshape(train.shape[axis], -1)[held.indices[axis]], 1
            )
        sums += parts - mean
    for name, guess in {"rankfall": held.predicted, "mean": mean, "sum of axis means": sums}.items():
        assert summary.methods[name] == pytest.approx(np.sqrt(np.mean((guess - held.values) ** 2)))
    assert summary.methods["rankfall"] == fit.held_out_error_


def test_slices_are_judged_on_their_own_entries(fit):
    summary, held = summarize(fit), fit.held_out_
    assert [one.name for one in summary.columns] == ["0", "1", "2", "3"]
    for k, quality in enumerate(summary.columns):
        here = held.indices[0] == k
        assert quality.held == here.sum()
        assert quality.error == pytest.approx(np.sqrt(np.mean((held.predicted - held.values)[here] ** 2)))
    assert "axis 1 5" in summary.doubtful


def test_the_filled_entries_are_those_of_the_tensor(fit):
    cells = summarize(fit).cells
    seen = np.zeros(fit.shape_, dtype=bool)
    seen[*fit.problem_.indices] = True
    assert not seen[*cells.places].any()
    seen[*cells.places] = True
    assert seen.all()
    np.testing.assert_allclose(cells.values, fit.complete()[*cells.places], rtol=1e-10, atol=1e-12)
    assert (cells.low <= cells.values).all()
    assert (cells.values <= cells.high).all()


def test_axes_and_labels_of_the_user_are_text(fit, tmp_path):
    path = fit.report(
        tmp_path / "t.html", axis_names=["<b>station</b>", "day", "slot"], labels={0: ["<script>", "b", "c", "d"]}
    )
    text = path.read_text(encoding="utf-8")
    assert "<b>station" not in text
    assert "&lt;b&gt;station&lt;/b&gt;" in text
    assert "W, its first axis against the others" in text
    assert "\\u003cscript\\u003e" in re.search(r'type="application/json">(.*?)</script>', text, re.S)[1]


@pytest.mark.parametrize("names", [{"axis_names": ["a", "b"]}, {"labels": {0: ["a"]}}])
def test_names_of_another_number_are_refused(fit, names):
    with pytest.raises(InputError, match="a report needs one"):
        summarize(fit, **names)


def test_a_notebook_gets_the_findings(fit):
    assert f"{fit.held_out_error_:.4g}" in short_html(fit)
    assert "The completion is" in fit._repr_mimebundle_()["text/html"]
