"""Pictures of runs: their numbers are those recorded, and words of the user are shown letter by letter."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

import rankfall as rf
from rankfall import pictures
from rankfall.errors import InputError
from rankfall.pictures import (
    AlignmentPicture,
    Animation,
    ColumnErrorsPicture,
    CoveragePicture,
    ErrorsPicture,
    ImbalancePicture,
    LayersPicture,
    PhasePicture,
    RankPicture,
    ResidualPicture,
    SingularValuesPicture,
    SpectraPicture,
    nuclear_norm_transition,
)
from rankfall.pictures.picture import COLORS, literal


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((9, 2)) @ rng.standard_normal((2, 8))
    problem = rf.Completion.from_array(np.where(rng.random(truth.shape) < 0.7, truth, np.nan), truth=truth)
    record = rf.Record(
        singular_values=True, vectors=True, drives=True, alignment=True, effective_rank=True, nuclear_norm=True,
        imbalance=True, events=[rf.trajectory.Escape()],
    )  # fmt: skip
    return rf.evolve(problem, rf.Chain(3), rf.Balanced(1e-3), rf.Flow(1e-5), record=record)


def catalogue(run) -> list:
    return [
        SingularValuesPicture(run), SingularValuesPicture(run, scale="log"), SpectraPicture({"one": run, "two": run}),
        ErrorsPicture(run), RankPicture(run), ImbalancePicture(run), AlignmentPicture(run),
        PhasePicture((20, 30), [1, 2], [0.2, 0.5, 0.8], np.eye(3)[:, :2]), CoveragePicture([0.5, 0.9], [0.6, 0.9]),
        ColumnErrorsPicture(["a", "b"], {"rankfall": [0.5, 0.6], "means": [1.0, 1.0]}),
    ]  # fmt: skip


def test_each_draws_on_its_own_axes_and_on_those_given(run):
    for picture in catalogue(run):
        own = picture.plot()
        assert own.get_xlabel()
        assert own.get_ylabel() or own.get_yticklabels()
        given = Figure().subplots()
        assert picture.plot(given) is given
        assert all(np.asarray(values).size for values in picture.frame().values())


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_pictures_are_saved_in_three_formats(run, tmp_path, kind):
    path = tmp_path / f"picture.{kind}"
    ErrorsPicture(run).save(path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(start)


def test_another_format_is_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"one of \.png, \.svg, \.pdf, got"):
        ErrorsPicture(run).save(tmp_path / "picture.bmp")
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_those_recorded(run):
    np.testing.assert_array_equal(ErrorsPicture(run).frame()["test_error"], run.history["test_error"])
    np.testing.assert_array_equal(AlignmentPicture(run).frame()["off_diagonal"], run.history["alignment"][:, 1])
    np.testing.assert_array_equal(SpectraPicture({"a": run}).frame()["a"], run.singular_values)
    np.testing.assert_array_equal(LayersPicture(run).frame()["W_2"], run.layers[1])


def test_the_law_runs_through_values_measured_often(run):
    record = rf.Record(singular_values=True, drives=True, times=np.linspace(0, run.time, 600)[1:])
    run = rf.evolve(
        run.problem, run.model, run.start, rf.Flow(1e-6), stop=rf.TimeReached(run.time), record=record, seed=run.seed
    )
    drawn = SingularValuesPicture(run).frame()
    gap = np.abs(drawn["law"][:, :2] - run.history["singular_values"][:, :2])
    assert gap.max() < 0.05 * run.singular_values[0]


def test_what_was_not_recorded_is_asked_for(run):
    bare = rf.evolve(run.problem, rf.Chain(2), rf.Balanced(1e-3), rf.Flow(1e-2), stop=rf.TimeReached(1.0))
    for kind, name in (
        (RankPicture, "effective_rank"),
        (ImbalancePicture, "imbalance"),
        (AlignmentPicture, "alignment"),
    ):
        with pytest.raises(InputError, match=f"needs .*{name}"):
            kind(bare).plot()
    with pytest.raises(InputError, match="needs left_vectors recorded"):
        Animation(bare)
    with pytest.raises(InputError, match="scale must be 'linear' or 'log', got 'cubic'"):
        SingularValuesPicture(run, scale="cubic")


@pytest.mark.parametrize("name", ["$\\frac{1}{2}$", "<b>bold</b>", "a_b^c", "\x1b[31mred", "one $ alone"])
def test_words_of_the_user_are_literal(name):
    axes = ColumnErrorsPicture([name], {name: [0.5]}).plot()
    FigureCanvasAgg(axes.figure).draw()
    label = axes.get_yticklabels()[0]
    assert label.get_text() == literal(name)
    assert "\x1b" not in label.get_text()
    assert label.get_text().replace(r"\$", "$") == name.replace("\x1b", " ")


def test_curves_can_be_told_apart_in_grey():
    dashes = [pictures.picture.look(place)["linestyle"] for place in range(4)]
    assert len({str(dash) for dash in dashes}) == 4
    light = [np.dot([0.299, 0.587, 0.114], [int(color[k : k + 2], 16) for k in (1, 3, 5)]) for color in COLORS]
    assert len(set(np.round(light))) == len(COLORS)


def test_residuals_are_observed_minus_completed(run):
    observed = np.where(np.eye(9, 8) > 0, np.nan, run.problem.truth)
    drawn = ResidualPicture(observed, run.product).frame()
    np.testing.assert_array_equal(drawn["residual"], observed - run.product)
    assert drawn["mask"].sum() == 64
    with pytest.raises(InputError, match="completed must have the shape of the observed"):
        ResidualPicture(observed, run.product.T)


def test_an_animation_ends_at_the_product_and_is_a_gif(run, tmp_path):
    moving = Animation(run, frames=4)
    np.testing.assert_allclose(moving.frame()["product"][-1], run.product, atol=1e-10)
    moving.save(tmp_path / "run.gif")
    moving.save(tmp_path / "run.png")
    first, still = (imread(tmp_path / f"run.{ending}")[..., :3].astype(float) for ending in ("gif", "png"))
    assert first.shape == still.shape
    assert np.abs(first / first.max() - still / still.max()).mean() < 0.01
    with pytest.raises(InputError, match=r"\.gif, \.mp4 or \.png"):
        moving.save(tmp_path / "run.avi")
    with pytest.raises(InputError, match="two frames or more, got 1"):
        Animation(run, frames=1)


def test_the_nuclear_norm_needs_what_has_been_measured():
    limits = [nuclear_norm_transition((30, 20), rank) for rank in range(1, 21)]
    assert (np.diff(limits) > 0).all()
    assert limits[-1] == 1
    unknowns = [rank * (50 - rank) / 600 for rank in range(1, 21)]
    # from below by counting, from above by the bound 3 r (m + n − r) on Gaussian measurements   [chandrasekaran2012]
    assert all(unknown <= limit <= 3 * unknown for limit, unknown in zip(limits, unknowns, strict=True))


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: PhasePicture((3, 3), [1], [0.5], np.ones((2, 1))), "a row for each share"),
        (lambda: CoveragePicture([0.5], [0.5, 0.6]), "a share is covered for each promised"),
        (lambda: CoveragePicture([50.0], [50.0]), "shares lie between 0 and 1"),
        (lambda: ColumnErrorsPicture(["a"], {"x": [1.0, 2.0]}), "one error a column"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(make, rule):
    with pytest.raises(InputError, match=rule):
        make()
