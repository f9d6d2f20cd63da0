"""Runs on disk: a labelled data set in a Zarr folder, without pickles.

The format is xarray's, readable from any language that reads Zarr: history along `record`, the layers `layer_1` …,
and the settings of the run as attributes, with a format number.
"""

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.files import clear_debris, replacing_folder
from rankfall.models.model import Model
from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.status import Status

if TYPE_CHECKING:
    import xarray

FORMAT = 1
# Damaged files make Zarr, xarray and json raise nearly anything.
_DAMAGE = Exception
_MODEL = "model_"
_DIGEST = "digest"
_AXES = {
    "singular_values": ["singular_value"],
    "left_vectors": ["row", "singular_value"],
    "right_vectors": ["column", "singular_value"],
    "drives": ["singular_value"],
    "alignment": ["diagonal_or_not"],
}
_NUMBERS = ("time", "loss", "best_time", "steps", "evaluations", "seconds", "seed", "reason")


def to_xarray(run: Trajectory) -> "xarray.Dataset":
    """The run as an xarray Dataset: histories over `record` (coordinate `time`), layers, attributes."""
    import xarray

    variables: dict[str, Any] = {}
    for name, values in run.history.items():
        axes = _AXES.get(name, [f"{name}_axis_{k}" for k in range(1, values.ndim)])
        variables[name] = (["record", *axes], values)
    for j, (layer, axes) in enumerate(zip(run.layers, run.model.layer_axes, strict=True), start=1):
        variables[f"layer_{j}"] = (axes, to_numpy(layer))
    fields, arrays = run.model.to_saved()
    for name, values in arrays.items():
        variables[f"{_MODEL}{name}"] = ([f"{_MODEL}{name}_axis_{k}" for k in range(values.ndim)], values)
    variables["best_weights"] = (("weight",), to_numpy(run.best_weights))
    times = variables.pop("time")
    attributes = {name: getattr(run, name) for name in _NUMBERS}
    attributes |= {
        "status": str(run.status),
        "settings": json.dumps(run.settings),
        "events": json.dumps(run.events),
        "model": type(run.model).__name__,
        "model_fields": json.dumps(fields),
        "rankfall_format": FORMAT,
    }
    return xarray.Dataset(variables, coords={"time": times}, attrs=attributes)


def check_destination(path: str | os.PathLike[str]) -> Path:
    """The path, where a run can be saved: the folder exists and is writable, and nothing but a run is replaced."""
    path = Path(path)
    clear_debris(path)
    if not path.parent.is_dir():
        raise InputError(f"the folder of a saved run must exist, got {path.parent}; create it first")
    if path.exists() and not is_ours(path):
        raise InputError(f"a run is saved to a new name or over another run, got {path}; choose another name")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"the folder of a saved run must be writable, got {path.parent}; check its permissions")
    return path


def save(run: Trajectory, path: str | os.PathLike[str]) -> None:
    """Write the run beside its destination and rename it into place.

    Raises InputError for a folder that is missing or not writable, and for a name that is taken by something else.
    """
    write_zarr(to_xarray(run), path)


def write_zarr(data: "xarray.Dataset", path: str | os.PathLike[str]) -> None:
    """Write labelled data as a Zarr folder, whole or not at all, over an older one if there is one.

    Raises InputError like `save`.
    """
    with replacing_folder(check_destination(path), is_ours) as fresh:
        marked = data.assign_attrs(written_by="rankfall")
        marked.attrs[_DIGEST] = digest(marked)
        marked.to_zarr(fresh, mode="w", zarr_format=3, consolidated=False)


def is_ours(path: Path) -> bool:
    """Whether a folder is a Zarr group that rankfall wrote, and not another program's."""
    try:
        attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return "rankfall_format" in attributes or attributes.get("written_by") == "rankfall"


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Read a saved run. Raises InputError where there is none, one of a newer format, or one with parts missing."""
    path = Path(path)
    if not (path / "zarr.json").exists():
        raise InputError(f"a saved run is a Zarr folder, got {path}, which is not one; check the name")
    try:
        data = _read(path)
        version = data.attrs.get("rankfall_format")
    except _DAMAGE as error:
        raise _broken(path, f"{type(error).__name__}: {error}") from error
    if version != FORMAT:
        raise InputError(
            f"the run must be of format {FORMAT}, got {version}; read it with the rankfall version that wrote it"
        )
    name = data.attrs.get("model")
    if name not in Model.registered:
        raise InputError(f"the model of a saved run must be known, got {name!r}; import the module that defines it")
    try:
        return _run(data, Model.registered[name])
    except _DAMAGE as error:
        raise _broken(path, f"{type(error).__name__}: {error}") from error


def _read(path: Path) -> "xarray.Dataset":
    """The data set of a folder. Raises ValueError where it holds other numbers than were written.

    Zarr has no checksum, and takes a chunk that is missing for one of fill values.
    """
    import xarray

    with warnings.catch_warnings():
        # of an array that has lost its description
        warnings.simplefilter("ignore")
        with xarray.open_zarr(path, consolidated=False) as data:
            data = data.load()
    if _DIGEST in data.attrs and data.attrs[_DIGEST] != digest(data):
        raise ValueError("its numbers are not those that were written, or some are missing")
    return data


def digest(data: "xarray.Dataset") -> str:
    """A digest of all numbers and attributes of a data set, but for the digest itself."""
    found = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        values = np.ascontiguousarray(data[name].values)
        found.update(f"{name} {values.dtype.str} {values.shape}".encode())
        found.update(values.tobytes())
    attributes = {name: _plain(value) for name, value in data.attrs.items() if name != _DIGEST}
    found.update(json.dumps(attributes, sort_keys=True).encode())
    return found.hexdigest()


def _plain(value: object) -> object:
    """An attribute as it comes back from disk: numbers of Python in place of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value


def _run(data: "xarray.Dataset", kind: type[Model]) -> Trajectory:
    """The run that a data set describes; raises ValueError, and others, where its parts do not fit one another."""
    fields = json.loads(data.attrs["model_fields"])
    arrays = {name.removeprefix(_MODEL): data[name].values for name in map(str, data) if name.startswith(_MODEL)}
    model = kind.from_saved(fields, arrays)
    shapes = [tuple(shape) for shape in model.layer_shapes]
    layers = [data[f"layer_{j}"].values for j in range(1, len(shapes) + 1)]
    for j, (layer, shape) in enumerate(zip(layers, shapes, strict=True), start=1):
        if layer.shape != shape or layer.dtype.kind != "f":
            raise ValueError(f"layer {j} is {layer.dtype} of the shape {layer.shape}, the model's is {shape}")
    weights, best = model.join(layers), data["best_weights"].values
    if best.shape != weights.shape or best.dtype.kind != "f":
        raise ValueError(f"the best weights are {best.dtype} of the shape {best.shape}, the last are {weights.shape}")
    if not (np.isfinite(weights).all() and np.isfinite(best).all()):
        raise ValueError("the weights are not finite")
    return Trajectory(
        model=model,
        weights=weights,
        status=Status(data.attrs["status"]),
        history=_history(data),
        best_weights=best,
        settings=json.loads(data.attrs["settings"]),
        events=tuple(Occurrence(*event) for event in json.loads(data.attrs.get("events", "[]"))),
        **{name: data.attrs[name] for name in _NUMBERS},
    )


def _history(data: "xarray.Dataset") -> dict[str, np.ndarray]:
    """What was recorded; times never fall, and each of them has a loss."""
    records = [name for name in data.variables if "record" in data[name].dims]
    history = {str(name): np.asarray(data[name].values) for name in records}
    times, losses = history["time"], history["loss"]
    if not (np.isfinite(times).all() and np.isfinite(losses).all() and (np.diff(times) >= 0).all()):
        raise ValueError("times or losses are out of order, or not finite")
    return history


def _broken(path: Path, said: str) -> InputError:
    return InputError(
        f"a saved run must be whole, {str(path)!r} is not ({' '.join(said.split())[:200]}); save it again"
    )
