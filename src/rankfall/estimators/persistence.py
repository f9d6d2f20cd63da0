"""A fitted estimator on disk: one versioned `.npz` of plain arrays and JSON, without pickles.

What is kept is what predicting needs: factors, standardization, observed entries, held-out predictions, parameters
and choices. The trajectory of the fit is not; `Trajectory.save` keeps that.
"""

import json
import zipfile
import zlib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.candidate import Candidate, Trial
from rankfall.estimators.feature_shift import FeatureShift
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.refinement import Refinement
from rankfall.estimators.refinement.row_model import RowModel
from rankfall.estimators.robust_scaling import read_loss, spelled
from rankfall.estimators.selection import Selection
from rankfall.estimators.standardization import Standardization
from rankfall.problems.completion import Completion
from rankfall.tables.replacing import replacing

FORMAT = 3
_SHAPE = [field.name for field in fields(Standardization) if field.name != "loss"]
_SHIFT = [field.name for field in fields(FeatureShift)]
_ROW_MODEL = [field.name for field in fields(RowModel)]
_HELD = ("rows", "cols", "values", "predicted", "column_means")


def save_fitted(fitted: FittedTable, parameters: dict[str, Any], notes: dict[str, Any], path: Any) -> None:
    """Write a fit, its parameters and notes to an `.npz` file, whole or not at all."""
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"a fit is saved to a name that ends in .npz, got {str(path)!r}; add the ending")
    shape, problem = fitted.standardization, fitted.problem
    arrays: dict[str, Any] = {f"standardization_{name}": np.asarray(getattr(shape, name)) for name in _SHAPE}
    arrays |= {f"held_{name}": getattr(fitted.selection, name) for name in _HELD}
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
        "parameters": parameters,
        "notes": notes,
        "trials": [asdict(trial) for trial in fitted.selection.trials],
        "refinement": _notes_of(fitted.refinement),
        "chosen": fitted.selection.trials.index(fitted.selection.chosen),
    }
    with replacing(path) as scratch, scratch.open("wb") as file:
        np.savez_compressed(file, header=np.asarray(json.dumps(header)), **arrays)


def load_fitted(path: Any) -> tuple[FittedTable, dict[str, Any], dict[str, Any]]:
    """The fit, parameters and notes that `save_fitted` wrote. Raises InputError for any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
    except (OSError, KeyError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"a saved fit is an .npz that save wrote, got {str(path)!r} ({error}); check the name"
        ) from None
    if header.get("format") != FORMAT:
        raise InputError(
            f"the fit must be of format {FORMAT}, got {header.get('format')}; read it with the version that wrote it"
        )
    _check_arrays(arrays, header, path)
    trials = tuple(Trial(**{**trial, "candidate": Candidate(**trial["candidate"])}) for trial in header["trials"])
    held = {name: arrays[f"held_{name}"] for name in _HELD}
    selection = Selection(chosen=trials[header["chosen"]], trials=trials, **held)
    parts = _plain({name: arrays[f"standardization_{name}"] for name in _SHAPE})
    standardization = Standardization(**parts, loss=read_loss(header["loss"]))
    m, n = header["shape"]
    problem = Completion(arrays["rows"], arrays["cols"], arrays["values"], (m, n), arrays.get("weights"))
    shift = None
    if f"shift_{_SHIFT[0]}" in arrays:
        shift = FeatureShift(**_plain({name: arrays[f"shift_{name}"] for name in _SHIFT}))
    refinement = None
    if header["refinement"] is not None:
        shares, seconds, names = header["refinement"]
        refinement = Refinement(
            table=arrays["refined_table"], **held, shares=shares, seconds=seconds,
            simple={name: arrays[f"simple_{k}"] for k, name in enumerate(names)},
            row_model=RowModel(**{name: arrays[f"rows_{name}"] for name in _ROW_MODEL}),
        )  # fmt: skip
    factors = arrays["left"], arrays["right"]
    fitted = FittedTable(problem, standardization, *factors, selection, None, shift, refinement)
    return fitted, header["parameters"], header["notes"]


def _notes_of(refinement: Refinement | None) -> list[Any] | None:
    return None if refinement is None else [refinement.shares, refinement.seconds, list(refinement.simple)]


def _check_arrays(arrays: dict[str, np.ndarray], header: dict[str, Any], path: Any) -> None:
    """Refuses arrays that do not fit one another, before compiled code reads them."""
    try:
        (m, n), rows, cols = header["shape"], arrays["rows"], arrays["cols"]
        left, right = arrays["left"], arrays["right"]
        fits = {
            "rows, cols and values": rows.shape == cols.shape == arrays["values"].shape == (rows.size,),
            "held-out entries": len({arrays[f"held_{name}"].shape[:1] for name in _HELD}) == 1,
            "factors": left.ndim == right.ndim == 2 and left.shape == (m, right.shape[1]) and right.shape[0] == n,
            "kinds": rows.dtype.kind in "iu" and cols.dtype.kind in "iu" and left.dtype.kind == right.dtype.kind == "f",
        }
        for name, codes, size in (("rows", rows, m), ("cols", cols, n)):
            for one in (codes, arrays[f"held_{name}"]):
                fits[name] = fits.get(name, True) and bool(((one >= 0) & (one < size)).all())
        if header["refinement"] is not None:
            sizes = {"origin": (n,), "unit": (n,), "mean": (n,), "covariance": (n, n)}
            fits["row model"] = all(arrays[f"rows_{name}"].shape == sizes[name] for name in _ROW_MODEL)
            fits["refined table"] = arrays["refined_table"].shape == (m, n)
        numbers = [left, right, arrays["values"]]
        fits["finite numbers"] = all(np.isfinite(one).all() for one in numbers if one.dtype.kind == "f")
        missing = [name for name, fit in fits.items() if not fit]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        missing = [f"{type(error).__name__}: {error}"]
    if missing:
        raise InputError(
            f"the arrays of a saved fit must fit one another, those in {str(path)!r} do not ({', '.join(missing)}); "
            "save it again"
        )


def _plain(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays of no dimension as numbers, the others as they are."""
    return {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
