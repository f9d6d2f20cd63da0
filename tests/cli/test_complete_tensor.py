"""`rankfall complete` on tensors: arrays, labelled arrays, long tables; one sentence and exit code 2 for bad input."""

import numpy as np
import polars
import pytest
import xarray

from tests.helpers.shell import shell
from tests.tensor_catalogue import planted_tensor


@pytest.fixture
def holes():
    problem = planted_tensor((6, 5, 4), rank=1, share=0.7)
    given = np.full(problem.shape, np.nan)
    given[tuple(problem.indices)] = problem.values
    return given, problem.truth


def run(*words, code=0):
    ended = shell(*words)
    assert ended.code == code, ended.stderr
    return ended


def is_close(found, truth):
    return np.abs(found - truth).max() < 0.05 * truth.std()


@pytest.mark.parametrize("ending", [".npy", ".npz", ".nc", ".zarr"])
def test_arrays_are_completed_in_their_format(holes, ending, tmp_path):
    given, truth = holes
    path = tmp_path / f"cube{ending}"
    labelled = xarray.DataArray(given, dims=("station", "day", "slot"), coords={"day": np.arange(5) * 7}, name="count")
    if ending == ".npy":
        np.save(path, given)
    elif ending == ".npz":
        np.savez(path, X=given)
    elif ending == ".nc":
        labelled.to_dataset().to_netcdf(path)
    else:
        labelled.to_dataset().to_zarr(path, consolidated=False)
    assert "held-out error" in run("complete", path, "--width", "1").stdout
    written = tmp_path / f"cube-completed{ending}"
    if ending in (".npy", ".npz"):
        found = np.load(written)
        found = found if ending == ".npy" else found["X"]
    else:
        data = xarray.open_zarr(written, consolidated=False) if ending == ".zarr" else xarray.open_dataset(written)
        with data:
            assert data["count"].dims == ("station", "day", "slot")
            assert data["day"].values.tolist() == [0, 7, 14, 21, 28]
            found = data["count"].values
    assert is_close(found, truth)
    np.testing.assert_array_equal(found[~np.isnan(given)], given[~np.isnan(given)])


def long_table(given):
    grids = np.nonzero(~np.isnan(given))
    stations = np.asarray(["a", "b", "c", "d", "e", "f"])
    return polars.DataFrame(
        {"station": stations[grids[0]], "day": grids[1], "slot": grids[2], "count": given[grids]}
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_long_table_comes_back_with_every_combination(holes, ending, tmp_path):
    given, truth = holes
    path, output = tmp_path / f"long{ending}", tmp_path / f"out{ending}"
    write, read = (polars.DataFrame.write_csv, polars.read_csv) if ending == ".csv" else (
        polars.DataFrame.write_parquet, polars.read_parquet)  # fmt: skip
    write(long_table(given), path)
    run("complete", path, "--index", "station,day,slot", "--value", "count", "-o", output, "--width", "1")
    found = read(output).sort("station", "day", "slot")
    assert found.columns == ["station", "day", "slot", "count"]
    assert is_close(found["count"].to_numpy().reshape(given.shape), truth)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--index", "station,day,slot"), "needs --value"),
        (("--value", "count"), "goes with --index"),
        (("--index", "station,hour", "--value", "count"), "column 'hour'"),
        (("--index", "station", "--value", "count"), "two or more columns"),
        (("--index", "station,day", "--value", "count"), "repeat"),
        (("--index", "day,slot", "--value", "station", "--duplicates", "mean"), "numbers"),
    ],
)
def test_bad_input_ends_in_one_sentence(holes, options, sentence, tmp_path):
    path = tmp_path / "long.csv"
    long_table(holes[0]).write_csv(path)
    ended = run("complete", path, *options, code=2)
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_whole_tensor_is_refused(holes, tmp_path):
    np.save(tmp_path / "whole.npy", holes[1])
    assert "has none" in run("complete", tmp_path / "whole.npy", code=2).stderr


@pytest.mark.parametrize(
    "option", [("--depth", "2"), ("--plot", "a.png"), ("--leave-out", "2"), ("--no-features",), ("--levels", "1,2")]
)
def test_options_for_tables_are_refused(holes, option, tmp_path):
    np.save(tmp_path / "t.npy", holes[0])
    said = run("complete", tmp_path / "t.npy", *option, code=2).stderr
    assert "is for tables, got it for a tensor; leave it out" in said
    assert [path.name for path in tmp_path.iterdir()] == ["t.npy"]


def test_a_report_names_axes_and_labels(holes, tmp_path):
    given, page = holes[0], tmp_path / "page.html"
    array = xarray.DataArray(given, dims=("station", "day", "slot"), coords={"station": list("abcdefgh")[: len(given)]})
    array.to_netcdf(tmp_path / "t.nc")
    said = run("complete", tmp_path / "t.nc", "--report", page, "--width", "1").stdout
    assert str(page) in said.replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert "slice of " in text
    assert '"title": "station"' in text
    assert "exists" in run("complete", tmp_path / "t.nc", "--report", page, code=2).stderr
