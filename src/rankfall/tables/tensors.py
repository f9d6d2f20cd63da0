"""Tensors in files: NumPy arrays of three or more axes, labelled arrays (netCDF, Zarr), and long tables.

Dimension names and coordinates of labelled arrays are kept. A long table has one column for each axis and one for the
value, e.g. station, day, slot and count; a combination that is not listed, or whose value is empty, is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.errors import InputError
from rankfall.files import replacing, replacing_folder, write_arrays
from rankfall.tables.files import FilePath, check_format, check_readable, extension
from rankfall.tables.numpy_files import load_arrays, read_shapes

if TYPE_CHECKING:
    import xarray

ARRAY_FORMATS = (".npy", ".npz")
LABELLED_FORMATS = (".nc", ".zarr")
LONG_FORMATS = (".csv", ".tsv", ".parquet")
FORMATS = (*ARRAY_FORMATS, *LABELLED_FORMATS, *LONG_FORMATS)
# Cells of a completed long table at most.
_CELLS = 10**7


@dataclass(frozen=True, eq=False)
class TensorFile:
    """A dense tensor with its names: `values` with NaN, names of the axes, and labels by axis where there are any."""

    values: np.ndarray
    axes: tuple[str, ...]
    labels: dict[str, np.ndarray]
    name: str = "value"

    def with_values(self, values: np.ndarray) -> "TensorFile":
        """The same names around other values."""
        return replace(self, values=values)


def holds_tensor(path: FilePath) -> bool:
    """Whether the file is a labelled array, or a NumPy file whose array has three or more axes."""
    if extension(path) in LABELLED_FORMATS:
        return True
    if extension(path) not in ARRAY_FORMATS or not Path(path).is_file():
        return False
    try:
        return any(len(shape) > 2 for shape in read_shapes(path).values())
    except InputError:
        # the reader of tables says what is wrong
        return False


def read_tensor(path: FilePath) -> TensorFile:
    """The tensor in a file. Raises InputError where there is none, or several."""
    if extension(path) in LABELLED_FORMATS:
        return _read_labelled(path)
    arrays = {key: array for key, array in load_arrays(path).items() if array.ndim > 2}
    chosen = next((key for key in ("values", "X") if key in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
    if chosen is None:
        raise InputError(
            f"the file must hold one array of three or more axes, or one called values or X, got "
            f"{', '.join(arrays) or 'none'} in {str(path)!r}"
        )
    array = arrays[chosen]
    if array.dtype.kind not in "biuf":
        raise InputError(f"a tensor to complete must hold real numbers, got dtype {array.dtype} in {str(path)!r}")
    return TensorFile(array.astype(np.float64), tuple(f"axis_{k}" for k in range(array.ndim)), {}, chosen)


def read_long_table(path: FilePath, index: Sequence[str], value: str, duplicates: str = "error") -> TensorFile:
    """The tensor that a long table lists, dense.

    Raises InputError for columns that it lacks, combinations that repeat, and a grid that is too large.
    """
    import polars

    check_format(path, LONG_FORMATS)
    check_readable(path)
    try:
        if extension(path) == ".parquet":
            frame = polars.read_parquet(Path(path))
        else:
            frame = polars.read_csv(
                Path(path), separator="\t" if extension(path) == ".tsv" else ",", null_values=["NA", "NaN"]
            )
    except (OSError, polars.exceptions.PolarsError) as error:
        raise InputError(
            f"the long table must be readable, got {str(error).splitlines()[0]} in {str(path)!r}"
        ) from None
    missing = [name for name in (*index, value) if name not in frame.columns]
    if missing:
        raise InputError(f"the long table must have a column {missing[0]!r}, it has {', '.join(frame.columns)}")
    if len(index) < 2 or len({*index, value}) != len(index) + 1:
        raise InputError(f"--index needs two or more columns, none twice and none the value's, got {','.join(index)}")
    if not frame[value].dtype.is_numeric():
        raise InputError(f"the column {value!r} must hold numbers, got {frame[value].dtype}; clean it first")
    frame = frame.filter(~polars.any_horizontal(polars.col(name).is_null() for name in index))
    coded = [np.unique(frame[name].to_numpy(), return_inverse=True) for name in index]
    shape = tuple(labels.size for labels, _ in coded)
    cells = int(np.prod([float(side) for side in shape]))
    if cells > _CELLS:
        raise InputError(
            f"the completed table would have {cells} rows ({' × '.join(map(str, shape))}), more than {_CELLS}; use "
            "DeepTensorCompletion.fit_entries and predict"
        )
    numbers = frame[value].cast(polars.Float64).to_numpy().astype(np.float64)
    places = np.ravel_multi_index(tuple(codes for _, codes in coded), shape)
    values = _gathered(places, numbers, cells, duplicates, index).reshape(shape)
    return TensorFile(values, tuple(index), {name: one[0] for name, one in zip(index, coded, strict=True)}, value)


def write_tensor(tensor: TensorFile, path: FilePath) -> None:
    """Write in the format of the extension, whole or not at all."""
    kind = extension(path)
    if kind in LABELLED_FORMATS:
        data = _labelled(tensor)
        if kind == ".zarr":
            with replacing_folder(Path(path), lambda folder: (folder / "zarr.json").exists()) as fresh:
                data.to_zarr(fresh, mode="w", zarr_format=3, consolidated=False)
        else:
            with replacing(Path(path)) as fresh:
                data.to_netcdf(fresh)
        return
    if kind in LONG_FORMATS:
        with replacing(Path(path)) as fresh:
            _write_long(tensor, fresh, kind)
        return
    check_format(path, ARRAY_FORMATS)
    with replacing(Path(path)) as fresh, Path(fresh).open("wb") as stream:
        if kind == ".npy":
            np.save(stream, tensor.values)
        else:
            write_arrays(stream, {tensor.name: tensor.values})


def _read_labelled(path: FilePath) -> TensorFile:
    import xarray

    if not Path(path).exists():
        raise InputError(f"the input must exist, {str(path)!r} does not; check the spelling")
    try:
        is_zarr = extension(path) == ".zarr"
        with xarray.open_zarr(path, consolidated=False) if is_zarr else xarray.open_dataset(path) as file:
            data = file.load()
    except Exception as error:  # xarray's backends raise nearly anything
        raise InputError(f"{str(path)!r} must be a labelled array, got {str(error).splitlines()[0]}") from None
    names = [str(name) for name, variable in data.data_vars.items() if variable.dtype.kind in "biuf"]
    if len(names) != 1:
        raise InputError(f"the file must hold one variable of numbers, got {', '.join(names) or 'none'}; keep one")
    variable = data[names[0]]
    labels = {str(axis): variable[axis].values for axis in variable.dims if axis in variable.coords}
    return TensorFile(variable.values.astype(np.float64), tuple(map(str, variable.dims)), labels, names[0])


def _labelled(tensor: TensorFile) -> "xarray.Dataset":
    import xarray

    return xarray.DataArray(tensor.values, dims=tensor.axes, coords=tensor.labels, name=tensor.name).to_dataset()


def _gathered(places: np.ndarray, numbers: np.ndarray, cells: int, duplicates: str, index: Sequence[str]) -> np.ndarray:
    if duplicates not in ("error", "mean", "last"):
        raise InputError(f"duplicates must be 'error', 'mean' or 'last', got {duplicates!r}; 'mean' averages repeats")
    known = ~np.isnan(numbers)
    places, numbers = places[known], numbers[known]
    counts = np.bincount(places, minlength=cells)
    if duplicates == "error" and (counts > 1).any():
        raise InputError(
            f"each combination of {', '.join(index)} may be listed once, got {int((counts > 1).sum())} that repeat; "
            "pass --duplicates mean or last"
        )
    values = np.full(cells, np.nan)
    if duplicates == "mean":
        sums = np.bincount(places, numbers, cells)
        values[counts > 0] = sums[counts > 0] / counts[counts > 0]
    else:
        values[places] = numbers
    return values


def _write_long(tensor: TensorFile, path: Path, kind: str) -> None:
    import polars

    grids = np.unravel_index(np.arange(tensor.values.size), tensor.values.shape)
    labels: list[np.ndarray] = [
        tensor.labels[axis] if axis in tensor.labels else np.arange(side)
        for axis, side in zip(tensor.axes, tensor.values.shape, strict=True)
    ]
    columns = {axis: known[grid] for axis, known, grid in zip(tensor.axes, labels, grids, strict=True)}
    frame = polars.DataFrame(columns | {tensor.name: tensor.values.ravel()})
    if kind == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if kind == ".tsv" else ",")
