"""The page: one file, nothing from elsewhere, nothing of the user's that is more than text."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.errors import InputError
from rankfall.report import short_html, summarize, write_report

HOSTILE = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>", "$\\frac{a}{b}$", "\x1b[31mred", "a&b"]


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((30, 1)) @ rng.standard_normal((1, 5))
    return rf.DeepMatrixFactorization().fit(np.where(rng.random(whole.shape) < 0.3, np.nan, whole))


@pytest.fixture
def own_part(tmp_path):
    """A function fit, names → the page without plotly's source."""

    def write(fit, **names) -> str:
        from plotly.offline import get_plotlyjs

        text = write_report(fit, tmp_path / "report.html", force=True, **names).read_text(encoding="utf-8")
        assert text.count(get_plotlyjs()) == 1
        return text.replace(get_plotlyjs(), "")

    return write


def test_names_of_the_user_are_text(fit, own_part):
    text = own_part(fit, column_names=HOSTILE, row_names=HOSTILE * 6)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("</script>") == 3


def test_the_page_asks_for_nothing_from_elsewhere(fit, own_part):
    text = own_part(fit)
    assert re.findall(r"(?:src|href)=\"(?!data:)", text) == []
    assert "http://" not in text
    assert "https://" not in text


def test_the_size_stays_below_six_megabytes(tmp_path):
    rng = np.random.default_rng(2)
    size = 1000
    places = rng.choice(size * size, 20_000, replace=False)
    rows, cols = np.divmod(places, size)
    values = rng.standard_normal(size)[rows] * rng.standard_normal(size)[cols]
    problem = rf.Completion.from_triplets(rows, cols, values, (size, size))
    fit = rf.DeepMatrixFactorization(depth=2, width=3, features=False).fit_problem(problem)
    path = write_report(fit, tmp_path / "large.html")
    assert path.stat().st_size < 6e6
    text = path.read_text(encoding="utf-8")
    assert "means of blocks of 25 × 25 entries" in text
    assert "The page lists the first 8000 of 980000 cells" in text


def test_a_notebook_gets_the_findings_and_the_errors(fit):
    text = short_html(fit)
    assert "The completion is" in text
    summary = summarize(fit)
    assert f"{summary.methods['rankfall']:.4g}" in text
    assert summary.methods_unit in text
    assert "<script" not in text


def test_the_estimator_and_the_run_show_themselves_in_a_notebook(fit):
    shown = fit._repr_mimebundle_()["text/html"]
    assert "The completion is" in shown
    assert "The completion is" not in rf.DeepMatrixFactorization()._repr_mimebundle_()["text/html"]
    drawn = fit.trajectory_._repr_html_()
    assert f"{fit.trajectory_.nuclear_norm:.4g}" in drawn
    assert drawn.count("<polyline") == min(6, fit.trajectory_.history["singular_values"].shape[1])


def test_the_estimator_writes_its_report(fit, tmp_path):
    assert fit.report(tmp_path / "own.html") == tmp_path / "own.html"
    with pytest.raises(InputError, match="exists"):
        fit.report(tmp_path / "own.html")


def test_a_file_that_exists_is_kept(fit, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists; name another, or use --force"):
        write_report(fit, path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["report.pdf", "missing/report.html"])
def test_a_report_that_cannot_be_written_is_refused(fit, tmp_path, name):
    with pytest.raises(InputError):
        write_report(fit, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_report_of_a_saved_model_is_that_of_the_fit(fit, tmp_path):
    fit.save(tmp_path / "model.npz")
    loaded = rf.DeepMatrixFactorization.load(tmp_path / "model.npz")
    texts = [
        write_report(model, tmp_path / f"{name}.html").read_text(encoding="utf-8")
        for name, model in (("before", fit), ("after", loaded))
    ]
    assert texts[0] == texts[1]


def test_a_run_that_cannot_be_made_again_is_missing_with_the_reason(fit, tmp_path):
    fit.save(tmp_path / "model.npz")
    loaded = rf.DeepMatrixFactorization.load(tmp_path / "model.npz")
    loaded.fitted_ = replace(loaded.fitted_, left=2 * loaded.fitted_.left)
    assert loaded.retrace() is None
    text = write_report(loaded, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The run of this model cannot be made again" in text


@pytest.fixture(scope="module")
def fit_of_categories():
    rng = np.random.default_rng(3)
    size = rng.standard_normal(120)
    whole = np.column_stack(
        [size + 0.2 * rng.standard_normal((120, 3)).T[k] for k in range(3)] + [np.digitize(size, [-0.5, 0.5])]
    )
    holes = np.where(rng.random(whole.shape) < 0.2, np.nan, whole)
    return rf.DeepMatrixFactorization(categorical_features=[3]).fit(holes)


def test_categories_are_shown_in_words(fit_of_categories, own_part):
    text = own_part(fit_of_categories, category_names={3: ["small", "</script>", "large"]})
    column = summarize(fit_of_categories).columns[3]
    assert f"{100 * column.error**2:.0f} % wrong" in text
    assert f"{100 * column.column_mean**2:.0f} % wrong" in text
    assert ">nan<" not in text
    assert "NaN" not in re.search(r'type="application/json">(.*?)</script>', text, re.S)[1]
    assert text.count("</script>") == 3


def test_filled_categories_are_words_without_an_interval(fit_of_categories, own_part):
    names = ["small", "medium", "large"]
    cells = json.loads(
        re.search(
            r'type="application/json">(.*?)</script>', own_part(fit_of_categories, category_names={3: names}), re.S
        )[1]
    )["cells"]
    found = summarize(fit_of_categories).cells
    for place, (col, value) in enumerate(zip(found.places[1], found.values, strict=True)):
        is_category = col == 3
        assert (cells["values"][place] == names[int(value)]) == is_category
        assert (cells["low"][place] == cells["high"][place] == "") == is_category
