"""Lemmas of planted data, then the contract of loaders that read what is already on disk."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

import gzip
import math

import numpy as np
import pytest

from rankfall.datasets import (
    Features,
    Ratings,
    coherence_of,
    diabetes,
    digits,
    gas_ethanol,
    hide,
    movielens,
    photograph,
    planted,
    uniform_entries,
    wine,
)
from rankfall.errors import InputError

# A product of a few hundred terms of size one, in float64.
ROUNDING = 1e-12
# Five standard deviations: a false alarm once in a million draws, and the seeds are fixed.
SIGMAS = 5.0

RECIPES = [
    {},
    {"shape": (60, 40), "rank": 3, "seed": 1},
    {"shape": (30, 30), "rank": 4, "kind": "symmetric"},
    {"shape": (30, 30), "rank": 4, "kind": "psd"},
    {"shape": (40, 60), "rank": 4, "condition": 100},
    {"shape": (50, 50), "rank": 3, "coherence": 10.0},
    {"shape": (5, 1), "rank": 1},
    {"norm": 7.0},
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_planted_has_its_rank_and_norm(recipe):
    W = planted(**recipe)
    m, n = recipe.get("shape", (100, 100))
    assert W.shape == (m, n)
    assert W.dtype == np.float64
    assert np.linalg.matrix_rank(W) == recipe.get("rank", 5)
    assert np.linalg.norm(W) == pytest.approx(recipe.get("norm", math.sqrt(m * n)), rel=ROUNDING)
    assert np.array_equal(W, planted(**recipe))
    assert not np.array_equal(W, planted(**{**recipe, "seed": 17}))


def test_planted_default_is_the_papers_problem():
    """‖W‖_* = 220.9 ± 0.9 over draws of the 100 × 100, rank 5 problem  [arora2019, experiments]."""
    norms = [np.linalg.norm(planted(seed=seed), "nuc") for seed in range(20)]
    assert np.mean(norms) == pytest.approx(220.9, abs=SIGMAS * 0.9 / math.sqrt(20))


def test_planted_spectrum_is_read_back():
    spectrum = [9.0, 3.0, 3.0, 1e-3]
    for coherence in (None, 4.0):
        W = planted((40, 60), spectrum=spectrum, coherence=coherence, seed=3)
        found = np.linalg.svd(W, compute_uv=False)
        assert found[:4] == pytest.approx(spectrum, abs=ROUNDING)
        assert found[4:].max() < ROUNDING
    W = planted((40, 60), spectrum=spectrum, norm=2.0)
    assert np.linalg.norm(W) == pytest.approx(2.0)


def test_planted_symmetric_spectrum_is_the_eigenvalues():
    W = planted((20, 20), spectrum=[2.0, -5.0, 1.0], kind="symmetric")
    assert np.array_equal(W, W.T)
    values = np.linalg.eigvalsh(W)
    assert values[[0, -2, -1]] == pytest.approx([-5.0, 1.0, 2.0], abs=ROUNDING)
    assert np.linalg.eigvalsh(planted((20, 20), rank=3, kind="psd")).min() > -ROUNDING * 20


@pytest.mark.parametrize("condition", [1, 50.0, 1e6])
def test_planted_condition_is_geometric(condition):
    sigma = np.linalg.svd(planted(rank=4, condition=condition), compute_uv=False)[:4]
    assert sigma[0] / sigma[3] == pytest.approx(condition, rel=1e-9)
    assert np.diff(np.log(sigma)) == pytest.approx(-math.log(condition) / 3, abs=1e-9)


def test_planted_coherence_is_met_on_both_sides():
    for spectrum in (None, [4.0, 2.0, 1.0]):
        W = planted((90, 30), rank=3, spectrum=spectrum, coherence=8.5)
        assert coherence_of(W, 3) == pytest.approx((8.5, 8.5))


def test_planted_frames_are_uniform():
    """For a Haar frame E U_i1² = 1/m in every row: no direction is preferred."""
    draws, m = 400, 6
    firsts = np.array([np.linalg.svd(planted((m, m), spectrum=[1.0], seed=s))[0][:, 0] for s in range(draws)])
    # U_i1² is Beta(1/2, (m − 1)/2): variance 2 (m − 1)/(m² (m + 2)).
    error = math.sqrt(2 * (m - 1) / (m**2 * (m + 2)) / draws)
    assert (firsts**2).mean(axis=0) == pytest.approx(np.full(m, 1 / m), abs=SIGMAS * error)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rank": 0}, "rank must lie between 1 and 100"),
        ({"rank": 101}, "rank must lie between 1 and 100"),
        ({"shape": (0, 5)}, "shape must be two positive integers"),
        ({"kind": "sparse"}, "kind must be one of general, symmetric, psd"),
        ({"shape": (4, 5), "kind": "psd", "rank": 2}, "must be square"),
        ({"norm": 0.0}, "norm must be positive"),
        ({"spectrum": [1.0, 0.0]}, "finite nonzero"),
        ({"spectrum": [1.0, -1.0]}, "singular values must be positive"),
        ({"spectrum": [1.0], "rank": 2}, "number of singular values"),
        ({"spectrum": [1.0], "condition": 2.0}, "only one of spectrum and condition"),
        ({"condition": 0.5}, "condition must be at least 1"),
        ({"coherence": 0.5}, "coherence must lie between"),
        ({"coherence": 20.0}, "coherence must lie between"),
    ],
)
def test_planted_refuses_in_a_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        planted(**arguments)


def test_photographs():
    pytest.importorskip("PIL")
    gray, color = photograph("china"), photograph("china", gray=False)
    assert gray.shape == (427, 640)
    assert color.shape == (427, 640, 3)
    assert gray.min() >= 0
    assert gray.max() <= 255
    assert gray[5, 6] == pytest.approx(color[5, 6] @ [0.299, 0.587, 0.114])
    small = photograph("flower", height=64)
    assert small.shape == (64, 96)
    assert small.mean() == pytest.approx(photograph("flower").mean(), rel=0.01)
    assert photograph("flower", gray=False, height=10).shape == (10, 15, 3)
    with pytest.raises(InputError, match="one of china, flower"):
        photograph("cat")
    for height in (0, 1000):
        with pytest.raises(InputError, match="height must lie between 1 and 427"):
            photograph(height=height)


@pytest.mark.parametrize(
    ("load", "shape", "column"),
    [
        (digits, (1797, 64), "pixel_0_0"),
        (diabetes, (442, 11), "progression"),
        (wine, (178, 13), "proline"),
    ],
)
def test_tables_are_complete_and_named(load, shape, column):
    sample = load()
    assert sample.values.shape == shape == (shape[0], len(sample.columns))
    assert column in sample.columns
    assert np.isfinite(sample.values).all()


def test_hide_hides_that_many_and_only_hides():
    X = np.arange(60.0).reshape(6, 10)
    X[0, 0] = np.nan
    hidden = hide(X, 0.5, seed=4)
    assert np.count_nonzero(np.isnan(hidden)) == 1 + round(0.5 * 59)
    seen = ~np.isnan(hidden)
    assert np.array_equal(hidden[seen], X[seen])
    assert np.array_equal(hidden, hide(X, 0.5, seed=4), equal_nan=True)
    assert not np.array_equal(hidden, hide(X, 0.5, seed=5), equal_nan=True)
    assert hide(X.astype(np.float32)).dtype == np.float32
    assert hide([[1, 2], [3, 4]], 0.25).dtype == np.float64
    assert np.array_equal(hide(X.T, 0.0), X.T, equal_nan=True)
    with pytest.raises(InputError, match="at least 0 and below 1"):
        hide(X, 1.0)


@pytest.fixture
def toy() -> Ratings:
    rng = np.random.default_rng(0)
    rows, cols = uniform_entries((20, 15), 200, seed=1)
    return Ratings(
        users=rows,
        items=cols,
        ratings=rng.integers(1, 6, size=200).astype(float),
        timestamps=rng.permutation(200),
        user_labels=np.arange(1, 21),
        item_labels=np.arange(1, 16),
        item_features=Features(np.ones((15, 1)), ("year",)),
        official_tests={"u1": np.arange(50)},
    )


def together(parts: list[Ratings]) -> np.ndarray:
    return np.sort(np.concatenate([part.users * 100 + part.items for part in parts]))


def test_splits_partition_the_ratings(toy):
    whole = together([toy])
    for split in (toy.split(0.25, 3), toy.split_each_user(0.25, 3), toy.split_by_time(0.25)):
        train, test = split
        assert np.array_equal(together([train, test]), whole)
        assert train.shape == test.shape == toy.shape
        assert not train.official_tests
    assert len(toy.split(0.25)[1]) == 50
    assert np.array_equal(toy.split(0.25, 3)[1].users, toy.split(0.25, 3)[1].users)
    train, test = toy.split_by_time(0.25)
    assert train.timestamps.max() < test.timestamps.min()
    _, test = toy.split_each_user(0.25)
    sizes, tested = (np.bincount(part.users, minlength=20) for part in (toy, test))
    assert np.array_equal(tested, np.rint(0.25 * sizes))
    tests = [test for _, test in toy.folds(7, seed=1)]
    assert np.array_equal(together(tests), whole)
    assert len(toy.fold(1)[1]) == 50


def test_ratings_as_array_and_triplets(toy):
    table = toy.to_array()
    assert np.count_nonzero(~np.isnan(table)) == len(toy)
    rows, cols, values = toy.triplets()
    assert np.array_equal(table[rows, cols], values)


def test_ratings_refuse_in_a_sentence(toy):
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        toy.split(1.0)
    with pytest.raises(InputError, match=r"those present \(u1\)"):
        toy.fold("ua")
    with pytest.raises(InputError, match="folds must number between"):
        toy.folds(1)
    with pytest.raises(InputError, match="a feature must be one of year"):
        toy.item_features.column("genre")


def test_movielens_100k(shared_data):
    data = movielens("100k", shared_data / "ml-100k")
    assert data.shape == (943, 1682)
    assert len(data) == 100_000
    assert data.ratings.mean() == pytest.approx(3.52986)
    assert data.ratings.flags.writeable
    assert (data.users[0], data.items[0], data.ratings[0]) == (195, 241, 3.0)
    assert data.timestamps[0] == 881250949
    assert data.item_titles[0] == "Toy Story (1995)"
    assert data.item_features.column("Comedy")[0] == 1
    assert data.item_features.column("year")[0] == 1995
    assert data.item_features.values.shape == (1682, 1 + 19)
    assert data.user_features.column("age")[0] == 24
    assert data.user_features.column("occupation=technician")[0] == 1


def test_movielens_100k_published_folds(shared_data):
    """A fold's base is all of u.data but its test, as the base files say themselves."""
    folder = shared_data / "ml-100k"
    data = movielens("100k", folder)
    tested = np.concatenate([data.official_tests[f"u{k}"] for k in range(1, 6)])
    assert np.array_equal(np.sort(tested), np.arange(100_000))
    for name, size in (("u1", 80_000), ("a", 90_570)):
        base, test = data.fold(name)
        assert (len(base), len(test)) == (size, 100_000 - size)
        with gzip.open(folder / f"u{name.removeprefix('u')}.base.gz", "rt") as lines:
            published = np.loadtxt(lines, dtype=np.int64)
        ours = np.column_stack([base.users + 1, base.items + 1, base.ratings])
        order = np.lexsort((ours[:, 1], ours[:, 0]))
        assert np.array_equal(ours[order], published[np.lexsort((published[:, 1], published[:, 0])), :3])


def test_movielens_1m(shared_data):
    data = movielens("1m", shared_data)
    assert data.shape == (6040, 3706)
    assert len(data) == 1_000_209
    assert data.timestamps is None
    assert np.array_equal(np.bincount(data.ratings.astype(int))[1:], [56174, 107557, 261197, 348971, 226310])
    assert data.item_labels[-1] == 3952
    assert data.item_titles[0] == "Toy Story (1995)"
    assert data.user_features.column("gender=F")[0] == 1
    assert data.user_features.column("occupation=K-12 student")[0] == 1
    assert np.isfinite(data.user_features.values).all()
    with pytest.raises(InputError, match="must have timestamps"):
        data.split_by_time()


def test_gas_ethanol(shared_data, tmp_path):
    folder = shared_data / "gas-ethanol"
    data = gas_ethanol(folder)
    assert data.X.shape == (2565, 128)
    assert data.y.mean() == pytest.approx(114.95, abs=0.005)
    assert data.y.std(ddof=1) == pytest.approx(86.64, abs=0.005)
    scale = data.X.std(axis=0)
    assert np.abs(data.X.mean(axis=0) / scale).max() < 1e-9
    (tmp_path / "data.csv.gz").symlink_to(folder / "data.csv.gz")
    plain = gas_ethanol(tmp_path)
    assert np.array_equal(plain.y, data.y)
    assert np.abs((plain.X - data.X) / scale).max() < 1e-3
    assert plain.column_mean is None


def test_loaders_refuse_a_folder_without_the_files(tmp_path):
    with pytest.raises(InputError, match=r"must hold u\.data, u\.data\.gz or ratings\.npz"):
        movielens("100k", tmp_path)
    with pytest.raises(InputError, match="size must be one of 100k, 1m, 10m, 20m"):
        movielens("25m", tmp_path)
    with pytest.raises(InputError, match=r"must hold batch1\.dat"):
        gas_ethanol(tmp_path)
    (tmp_path / "u.data").write_text("user,item\n1,2\n")
    with pytest.raises(InputError, match="must hold"):
        movielens("100k", tmp_path)
    (tmp_path / "u.data").write_text("1\t2\t\t4\n")
    with pytest.raises(InputError, match="four numbers a line"):
        movielens("100k", tmp_path)
    (tmp_path / "u.data").write_text("-1\t2\t3\t4\n")
    with pytest.raises(InputError, match="must not be negative"):
        movielens("100k", tmp_path)
    (tmp_path / "u.data").write_text("1\t2\t3\t4\n")
    (tmp_path / "u.user").write_text("1|24|M\n")
    with pytest.raises(InputError, match=r"a line of u\.user must have 5 fields, got 3"):
        movielens("100k", tmp_path)
    (tmp_path / "u.user").unlink()
    (tmp_path / "u2.test").write_text("1\t3\t3\t4\n")
    with pytest.raises(InputError, match=r"must be a part of u\.data"):
        movielens("100k", tmp_path)
    (tmp_path / "u.item").write_text("2|Title||||0\n")
    with pytest.raises(InputError, match=r"u\.genre must lie beside the other files"):
        movielens("100k", tmp_path)
    np.savez(tmp_path / "ratings.npz", user=[1], movie=[1])
    with pytest.raises(InputError, match="got none called rating"):
        movielens("1m", tmp_path)
    np.savez(tmp_path / "gas_ethanol.npz", X=np.ones((2, 128)), ppmv=np.ones(2))
    with pytest.raises(InputError, match="got none called batch, column_mean"):
        gas_ethanol(tmp_path)
    (tmp_path / "gas_ethanol.npz").unlink()
    (tmp_path / "data.csv").write_text("1,2,3\n")
    with pytest.raises(InputError, match="128 features and the target"):
        gas_ethanol(tmp_path)
