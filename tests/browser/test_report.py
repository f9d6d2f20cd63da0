"""Reports of real fits in a real browser."""

import csv

import numpy as np
import pytest

import rankfall as rf
from rankfall.report import write_report

pytestmark = pytest.mark.browser

NAMES = ["<script>alert(1)</script>", "a$x$b", "<b>bold</b>", *(f"column {place}" for place in range(4, 11))]


@pytest.fixture(scope="module")
def fit_page(tmp_path_factory):
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 10)) + 0.1 * rng.standard_normal((60, 10))
    fit = rf.DeepMatrixFactorization().fit(np.where(rng.random(whole.shape) < 0.3, np.nan, whole))
    return write_report(fit, tmp_path_factory.mktemp("fit") / "fit.html", column_names=NAMES).as_uri()


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((20, 2)) @ rng.standard_normal((2, 20))
    problem = rf.Completion.from_array(np.where(rng.random(truth.shape) < 0.6, truth, np.nan), truth=truth)
    record = rf.Record(singular_values=True, events=[rf.trajectory.Escape()])
    run = rf.evolve(problem, rf.Chain(3), rf.Balanced(1e-3), rf.Flow(1e-4), record=record)
    return write_report(run, tmp_path_factory.mktemp("run") / "run.html").as_uri()


@pytest.fixture(params=["fit", "run"])
def address(request) -> str:
    return request.getfixturevalue(f"{request.param}_page")


def shown(page) -> dict:
    """What the three figures show now."""
    return page.evaluate(
        """() => ({
          map: JSON.stringify(document.getElementById("map").data[0].z),
          spectrum: document.getElementById("spectrum").layout.shapes[0].x0,
          error: document.getElementById("error").layout.shapes[0].x0,
        })"""
    )


def test_the_slider_moves_all_three_figures(open_page, address):
    page = open_page(address)
    before = shown(page)
    page.focus("#moment")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => document.getElementById('error').layout.shapes[0].x0 !== {before['error']}")
    after = shown(page)
    assert all(before[name] != after[name] for name in before)
    assert after["spectrum"] == after["error"]


def test_every_axis_of_a_curve_has_numbers(open_page, address):
    page = open_page(address)
    for axis in ("#spectrum .xtick", "#spectrum .ytick", "#error .xtick", "#error .ytick"):
        assert page.locator(axis).count() >= 2


def test_a_click_on_a_legend_hides_its_curve(open_page, run_page):
    page = open_page(run_page)
    page.locator("#error .legendtoggle").first.click()
    page.wait_for_function("() => document.getElementById('error').data[0].visible === 'legendonly'")


def test_names_are_shown_as_they_are(open_page, fit_page):
    page = open_page(fit_page)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    assert page.locator("#columns tbody th").all_inner_texts() == NAMES
    page.fill("#search", "<b>")
    assert page.locator("#cells tbody tr td:nth-child(2)").first.inner_text() == "<b>bold</b>"


def test_cells_are_sorted_searched_and_downloaded(open_page, fit_page, tmp_path):
    page = open_page(fit_page)
    page.get_by_role("button", name="value", exact=True).click()
    values = [float(text) for text in page.locator("#cells tbody tr td:nth-child(3)").all_inner_texts()]
    assert values == sorted(values)
    page.fill("#search", "column 7")
    names = set(page.locator("#cells tbody tr td:nth-child(2)").all_inner_texts())
    assert names == {"column 7"}
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "column", "value", "low", "high"]
    assert {row[1] for row in rows[1:]} == {"column 7"}


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, address, violations, keep, width):
    page = open_page(address, width)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    keep(page, f"report-{address.rsplit('/', 1)[1].removesuffix('.html')}-{width}")
    assert violations(page) == []


def test_the_chosen_stop_is_marked_beside_the_slider(open_page, fit_page):
    page = open_page(fit_page)
    marks = "() => document.getElementById('error').layout.shapes.map((line) => line.x0)"
    last, stop = page.evaluate(marks)
    assert last == pytest.approx(stop, rel=1e-3)
    page.focus("#moment")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => ({marks})()[0] < {stop}")
    assert page.evaluate(marks)[1] == stop


def test_the_dark_scheme_and_paper_are_readable(open_page, address, violations, keep):
    page = open_page(address, color_scheme="dark")
    keep(page, f"report-{address.rsplit('/', 1)[1].removesuffix('.html')}-dark")
    assert violations(page) == []
    color = "() => document.getElementById('spectrum').layout.paper_bgcolor"
    assert page.evaluate(color) != "#fff"
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(color) == "#fff"
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(color) != "#fff"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"() => ({color})() === '#fff'")
