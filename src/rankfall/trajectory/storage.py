"""Runs on disk: a labelled data set in a Zarr folder, without pickles.

The format is xarray's, readable from any language that reads Zarr: history along `record`, the layers `layer_1` …,
and the settings of the run as attributes, with a format number.
"""

import json
import os
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
_MODEL = "model_"
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
        data.assign_attrs(written_by="rankfall").to_zarr(fresh, mode="w", zarr_format=3, consolidated=False)


def is_ours(path: Path) -> bool:
    """Whether a folder is a Zarr group that rankfall wrote, and not another program's."""
    try:
        attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return "rankfall_format" in attributes or attributes.get("written_by") == "rankfall"


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Read a saved run. Raises InputError where there is none, or one of a newer format."""
    import xarray

    if not (Path(path) / "zarr.json").exists():
        raise InputError(f"a saved run is a Zarr folder, got {path}, which is not one; check the name")
    with xarray.open_zarr(path, consolidated=False) as data:
        data = data.load()
    if data.attrs.get("rankfall_format") != FORMAT:
        raise InputError(
            f"the run must be of format {FORMAT}, got {data.attrs.get('rankfall_format')}; "
            "read it with the rankfall version that wrote it"
        )
    fields = json.loads(data.attrs["model_fields"])
    if data.attrs["model"] not in Model.registered:
        raise InputError(
            f"the model of a saved run must be known, got {data.attrs['model']!r}; import the module that defines it"
        )
    arrays = {name.removeprefix(_MODEL): data[name].values for name in map(str, data) if name.startswith(_MODEL)}
    model = Model.registered[data.attrs["model"]].from_saved(fields, arrays)
    layers = [data[f"layer_{j}"].values for j in range(1, len(model.layer_shapes) + 1)]
    records = [name for name in data.variables if "record" in data[name].dims]
    return Trajectory(
        model=model,
        weights=model.join(layers),
        status=Status(data.attrs["status"]),
        history={str(name): np.asarray(data[name].values) for name in records},
        best_weights=data["best_weights"].values,
        settings=json.loads(data.attrs["settings"]),
        events=tuple(Occurrence(*event) for event in json.loads(data.attrs.get("events", "[]"))),
        **{name: data.attrs[name] for name in _NUMBERS},
    )
