"""A fitted estimator on disk: one versioned `.npz` of plain arrays and JSON, without pickles.

What is kept is what predicting needs: factors, standardization, observed entries, held-out predictions, parameters
and choices. The trajectory of the fit is not; `Trajectory.save` keeps that.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TypeVar

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.candidate import Candidate, Trial
from rankfall.estimators.feature_shift import FeatureShift
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.refinement import Refinement
from rankfall.estimators.refinement.row_model import RowModel
from rankfall.estimators.robust_scaling import read_loss, spelled
from rankfall.estimators.saved_fit import Notes, check_fit
from rankfall.estimators.selection import HELD, Selection
from rankfall.estimators.standardization import Standardization
from rankfall.files import replacing, write_arrays
from rankfall.problems.completion import Completion
from rankfall.tables.files import FilePath

FORMAT = 5
_SHAPE = [field.name for field in fields(Standardization) if field.name != "loss"]
_SHIFT = [field.name for field in fields(FeatureShift)]
_ROW_MODEL = [field.name for field in fields(RowModel)]
# Damaged, encrypted or foreign files make NumPy, zipfile and json raise nearly anything.
_DAMAGE = Exception
Made = TypeVar("Made")


def save_fitted(fitted: FittedTable, parameters: dict[str, object], notes: Notes, path: FilePath) -> None:
    """Write a fit, its parameters and notes to an `.npz` file, whole or not at all."""
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"a fit is saved to a name that ends in .npz, got {str(path)!r}; add the ending")
    shape, problem = fitted.standardization, fitted.problem
    arrays = {f"standardization_{name}": np.asarray(getattr(shape, name)) for name in _SHAPE}
    arrays |= {f"held_{name}": getattr(fitted.selection, name) for name in HELD}
    arrays |= {"rows": problem.rows, "cols": problem.cols, "values": problem.values}
    arrays |= {"left": fitted.left, "right": fitted.right}
    if fitted.refinement is not None:
        arrays["refined_table"] = fitted.refinement.table
        arrays |= {f"rows_{name}": getattr(fitted.refinement.row_model, name) for name in _ROW_MODEL}
        arrays |= {f"simple_{k}": one for k, one in enumerate(fitted.refinement.simple.values())}
    if problem.weights is not None:
        arrays["weights"] = problem.weights
    if fitted.shift is not None:
        arrays |= {f"shift_{name}": np.asarray(getattr(fitted.shift, name)) for name in _SHIFT}
    header = {
        "format": FORMAT,
        "shape": problem.shape,
        "loss": spelled(shape.loss),
        "parameters": {name: _as_json(value) for name, value in parameters.items()},
        "notes": notes,
        "trials": [asdict(trial) for trial in fitted.selection.trials],
        "refinement": _notes_of(fitted.refinement),
        "chosen": fitted.selection.trials.index(fitted.selection.chosen),
    }
    with replacing(path) as scratch, scratch.open("wb") as file:
        write_arrays(file, arrays | {"header": np.asarray(json.dumps(header))})


def load_fitted(path: FilePath) -> tuple[FittedTable, dict[str, object], Notes]:
    """The fit, parameters and notes that `save_fitted` wrote. Raises InputError for any other file."""
    arrays, found = _read(path)
    header = check_fit(arrays, found, path)
    trials = tuple(
        _known(
            Trial,
            {
                **trial,
                "candidate": _known(Candidate, trial["candidate"], path),
                "curve": tuple((time, error) for time, error in trial["curve"]),
            },
            path,
        )
        for trial in header["trials"]
    )
    held = {name: arrays[f"held_{name}"] for name in HELD}
    selection = _known(Selection, {"chosen": trials[header["chosen"]], "trials": trials, **held}, path)
    loss = read_loss(header["loss"])
    m, n = header["shape"]
    problem = Completion(arrays["rows"], arrays["cols"], arrays["values"], (m, n), arrays.get("weights"))
    if loss.is_binary and np.unique(problem.values).size != 2:
        raise InputError(f"a fit of the logistic loss has two values, that in {str(path)!r} has others; save it again")
    shift = None
    if "shift_norm" in arrays:
        shift = _known(FeatureShift, _plain({name: arrays[f"shift_{name}"] for name in _SHIFT}), path)
    refinement = None
    if header["refinement"] is not None:
        shares, seconds, names = header["refinement"]
        refinement = Refinement(
            table=arrays["refined_table"], **held, shares=shares, seconds=seconds,
            simple={name: arrays[f"simple_{k}"] for k, name in enumerate(names)},
            row_model=RowModel(**{name: arrays[f"rows_{name}"] for name in _ROW_MODEL}),
        )  # fmt: skip
    factors = arrays["left"], arrays["right"]
    parts = _plain({name: arrays[f"standardization_{name}"] for name in _SHAPE})
    standardization = _known(Standardization, {**parts, "loss": loss}, path)
    fitted = FittedTable(problem, standardization, *factors, selection, None, shift, refinement)
    return fitted, header["parameters"], header["notes"]


def _notes_of(refinement: Refinement | None) -> list | None:
    return None if refinement is None else [refinement.shares, refinement.seconds, list(refinement.simple)]


def _read(path: FilePath) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """The arrays of the file, and its header."""
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        version = header.get("format")
    except _DAMAGE as error:
        said = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise InputError(
            f"a saved fit is an .npz that save wrote, got {str(path)!r} ({said}); check the name"
        ) from None
    if version != FORMAT:
        raise InputError(f"the fit must be of format {FORMAT}, got {version!r}; read it with the version that wrote it")
    return arrays, header


def _known(make: Callable[..., Made], words: Mapping[str, object], path: FilePath) -> Made:
    """What the words of a file make; words that it does not know are refused."""
    try:
        return make(**words)
    except (TypeError, AttributeError) as error:
        raise InputError(f"the words of a saved fit must be known, those in {str(path)!r} are not ({error})") from None


def _as_json(value: object) -> object:
    """A parameter as JSON has it: NumPy's numbers as Python's, arrays and tuples as lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return [_as_json(each) for each in value] if isinstance(value, (list, tuple, set)) else value


def _plain(arrays: dict[str, np.ndarray]) -> dict[str, object]:
    """Arrays of no dimension as numbers, the others as they are."""
    return {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
