"""What is kept of a run on disk, in xarray and in print."""

import numpy as np
import pytest

import rankfall as rf
from tests.helpers.planted import planted_problem
from tests.helpers.runs import SHAPE, evolve


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_run_is_read_back(tmp_path, depth, dtype):
    problem = planted_problem(SHAPE, dtype=dtype).hold_out(0.1, seed=0)
    keep = rf.Record(
        singular_values=3, vectors=True, functions={"product": lambda p, model, weights: model.product(weights)}
    )
    run = evolve(problem, rf.Chain(depth), record=keep, stop=rf.StepLimit(6))
    run.save(tmp_path / "run.zarr")
    back = rf.Trajectory.load(tmp_path / "run.zarr")
    assert back.problem is None
    assert back.status is run.status
    assert back.weights.dtype == dtype
    for name in ("time", "loss", "best_time", "steps", "evaluations", "seconds", "seed", "reason", "settings"):
        assert getattr(back, name) == getattr(run, name)
    for name in ("weights", "best_weights", "product"):
        np.testing.assert_array_equal(getattr(back, name), getattr(run, name))
    assert back.history.keys() == run.history.keys()
    for name, values in run.history.items():
        np.testing.assert_array_equal(back.history[name], values)


def test_a_run_is_saved_over_a_run(tmp_path):
    first, second = evolve(seed=0), evolve(seed=1)
    path = tmp_path / "run.zarr"
    first.save(path)
    second.save(str(path))
    np.testing.assert_array_equal(rf.Trajectory.load(path).weights, second.weights)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.zarr"]


def test_bad_paths_are_refused(tmp_path):
    run = evolve(stop=rf.StepLimit(2))
    with pytest.raises(rf.InputError, match="folder of a saved run must exist"):
        run.save(tmp_path / "missing" / "run.zarr")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name in ("notes.txt", "folder"):
        with pytest.raises(rf.InputError, match="choose another name"):
            run.save(tmp_path / name)
        with pytest.raises(rf.InputError, match="not one"):
            rf.Trajectory.load(tmp_path / name)
    with pytest.raises(rf.InputError, match="check the name"):
        rf.Trajectory.load(tmp_path / "nothing")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_xarray_axes_have_names():
    run = evolve(record=rf.Record(singular_values=3, vectors=True), stop=rf.StepLimit(6))
    data = run.to_xarray()
    assert data["loss"].dims == ("record",)
    assert data["singular_values"].dims == ("record", "singular_value")
    assert data["left_vectors"].dims == ("record", "row", "singular_value")
    assert data["right_vectors"].dims == ("record", "column", "singular_value")
    assert data["layer_1"].dims == ("level_1", "level_0")
    assert data["layer_2"].dims == ("level_2", "level_1")
    np.testing.assert_array_equal(data.coords["time"], run.history["time"])
    assert data.attrs["status"] == "budget"


def test_a_run_introduces_itself():
    assert "budget" in repr(evolve(stop=rf.StepLimit(2)))


def test_a_run_with_a_part_missing_or_changed_is_refused(tmp_path):
    run = evolve(record=rf.Record(singular_values=True, imbalance=True), stop=rf.StepLimit(6))
    path = tmp_path / "run.zarr"
    run.save(path)
    rng = np.random.default_rng(0)
    for part in [part for part in path.rglob("*") if part.is_file()]:
        whole = part.read_bytes()
        flipped = bytearray(whole)
        flipped[int(rng.integers(len(flipped)))] ^= 1
        for damaged in (None, b"", whole[: len(whole) // 2], bytes(flipped)):
            part.unlink(missing_ok=True)
            if damaged is not None:
                part.write_bytes(damaged)
            try:
                back = rf.Trajectory.load(path)
            except rf.InputError:
                continue
            np.testing.assert_array_equal(back.weights, run.weights)
            assert back.history.keys() == run.history.keys()
        part.write_bytes(whole)
    assert rf.Trajectory.load(path).loss == run.loss


def test_a_missing_chunk_is_not_a_number_and_refused(tmp_path):
    run = evolve(stop=rf.StepLimit(6))
    run.save(tmp_path / "run.zarr")
    (tmp_path / "run.zarr" / "layer_1" / "c" / "0" / "0").unlink()
    with pytest.raises(rf.InputError, match="must be whole"):
        rf.Trajectory.load(tmp_path / "run.zarr")
