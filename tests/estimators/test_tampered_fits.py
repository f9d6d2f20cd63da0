"""A saved fit that somebody changed is refused in one sentence, before compiled code follows its indices."""

import json

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.shell import low_rank

SHAPE = (24, 12)
TRUTH, HOLES = low_rank(SHAPE)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The arrays of a saved fit with a stack, by name."""
    path = tmp_path_factory.mktemp("fit") / "fit.npz"
    rf.DeepMatrixFactorization(depth=2, refine=True).fit(HOLES + 0.1 * TRUTH[::-1]).save(path)
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def refused(arrays, folder) -> str:
    np.savez(folder / "t.npz", **arrays)
    with pytest.raises(rf.InputError) as raised:
        rf.DeepMatrixFactorization.load(folder / "t.npz")
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_every_array_is_needed_and_of_its_kind_shape_and_range(saved, tmp_path):
    for name, array in saved.items():
        if name == "header":
            continue
        others = {
            "missing": None,
            "words": np.full(array.shape, "x"),
            "complex": array.astype(complex),
            "an axis more": array[..., None],
            "an entry more": np.concatenate([np.atleast_1d(array), np.atleast_1d(array)[:1]]),
        }
        if array.dtype.kind == "f":
            others |= {
                "infinite": np.where(np.ones(array.shape, bool), -np.inf, 0.0),
                "whole": np.ones(array.shape, int),
            }
            if name != "refined_table":
                others["NaN"] = np.full(array.shape, np.nan)
        if array.dtype.kind in "iu":
            others |= {"negative": array * 0 - 1, "too large": array * 0 + 10**6, "floating": array.astype(float)}
        for what, other in others.items():
            arrays = {key: value for key, value in saved.items() if key != name}
            if other is not None:
                arrays[name] = other
            said = refused(arrays, tmp_path)
            assert "must fit one another" in said or "two values" in said, (name, what)


def test_entries_out_of_order_are_refused(saved, tmp_path):
    arrays = {**saved, "rows": saved["rows"][::-1].copy()}
    assert "row-major" in refused(arrays, tmp_path)
    assert "unit" in refused({**saved, "standardization_unit": -saved["standardization_unit"]}, tmp_path)


HEADERS = {
    "format": (None, 1, "2", [2]),
    "shape": (None, [24], [24, -12], [24.0, 12.0], ["a", "b"], [10**12, 12], 5, [24, 13]),
    "loss": (None, {}, {"name": "cubed"}, {"name": "huber", "color": 1}, "squared"),
    "parameters": (None, {}, [], {"depth": 2}),
    "notes": (None, {}, {"effective_rank": "high", "status": "converged", "names": None}, []),
    "trials": (None, [], {}, [1], [{"candidate": {}}], "trials"),
    "refinement": (1, [], [1, 2], [{"a": "b"}, {}]),
    "chosen": (None, -1, 99, "first", 0.0, True),
}


@pytest.mark.parametrize("name", HEADERS)
def test_words_that_no_fit_would_have_written(saved, tmp_path, name):
    header = json.loads(str(saved["header"]))
    for value in HEADERS[name]:
        refused({**saved, "header": np.asarray(json.dumps({**header, name: value}))}, tmp_path)
    refused({**saved, "header": np.asarray("[" * 100_000)}, tmp_path)
    refused({**saved, "header": np.asarray("[]")}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("width", "wide"),
        ("bound", [2, 1]),
        ("levels", ["a"]),
        ("rtol", 3),
        ("loss", 7),
        ("dtype", "int8"),
    ],
)
def test_parameters_out_of_range_are_refused(saved, tmp_path, name, value):
    header = json.loads(str(saved["header"]))
    header["parameters"][{"bound": "bounds"}.get(name, name)] = value
    assert name in refused({**saved, "header": np.asarray(json.dumps(header))}, tmp_path)


def test_flipped_and_missing_bytes_are_refused_or_change_nothing(saved, tmp_path):
    np.savez_compressed(tmp_path / "t.npz", **saved)
    data, rng = (tmp_path / "t.npz").read_bytes(), np.random.default_rng(0)
    model = rf.DeepMatrixFactorization.load(tmp_path / "t.npz")
    for trial in range(80):
        damaged = bytearray(data)
        if trial % 4 == 0:
            del damaged[int(rng.integers(len(damaged))) :]
        else:
            damaged[int(rng.integers(len(damaged)))] ^= int(rng.integers(1, 256))
        (tmp_path / "t.npz").write_bytes(damaged)
        try:
            again = rf.DeepMatrixFactorization.load(tmp_path / "t.npz")
        except rf.InputError:
            continue
        np.testing.assert_array_equal(again.transform(HOLES), model.transform(HOLES))


def test_save_takes_whatever_fit_took(tmp_path):
    model = rf.DeepMatrixFactorization(
        depth=np.int64(2), width=np.int32(3), scale=np.float32(1e-3), random_state=np.int64(5), levels=np.arange(12),
        bounds=(np.float64(0), None), features=np.False_, holdout=np.float64(0.2),
    )  # fmt: skip
    model.fit(HOLES).save(tmp_path / "fit.npz")
    again = rf.DeepMatrixFactorization.load(tmp_path / "fit.npz")
    assert again.random_state == 5
    np.testing.assert_array_equal(again.transform(HOLES), model.transform(HOLES))


@pytest.mark.parametrize("unit", [1e154, 1e300, 1e-200])
def test_numbers_that_no_square_holds_are_refused(unit):
    with pytest.raises(rf.InputError, match=r"largest number .* choose another unit"):
        rf.DeepMatrixFactorization().fit_transform(HOLES * unit)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, np.inf), (np.nan, 1), "01", 3, [(0, 1), (0, 1)]])
def test_bounds_are_judged_in_fit(bounds):
    with pytest.raises(rf.InputError, match="bounds"):
        rf.DeepMatrixFactorization(bounds=bounds).fit(HOLES)
