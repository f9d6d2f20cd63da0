"""`rankfall complete` on tensors: arrays of three or more axes, labelled arrays, long tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankfall.cli.console import Console
from rankfall.cli.options import FitOptions
from rankfall.cli.report_output import ReportOutput
from rankfall.cli.steps import beside
from rankfall.cli.tensor_input import tensor_of
from rankfall.errors import InputError
from rankfall.tables import check_writable
from rankfall.tables.tensors import FORMATS, TensorFile, write_tensor

if TYPE_CHECKING:
    from rankfall.estimators import DeepTensorCompletion


def complete_tensor(
    source: Path, output: Path | None, index: str | None, value: str | None, duplicates: str, options: FitOptions,
    console: Console, page: ReportOutput,
) -> None:  # fmt: skip
    """Read a tensor, fill its unknown entries, write it in the format it came in, and a report where one is wanted."""
    tensor = tensor_of(source, index, value, duplicates)
    unknown = np.isnan(tensor.values)
    if not unknown.any():
        raise InputError(f"a tensor to complete must have unknown entries, {str(source)!r} has none; NaN marks them")
    output = output or beside(source, "completed")
    check_writable(output, FORMATS)
    estimator = _fitted(tensor, options, console)
    filled = np.where(unknown, np.clip(estimator.complete(), options.min_value, options.max_value), tensor.values)
    console.writing(lambda: write_tensor(tensor.with_values(filled), output))
    spread = float(np.std(tensor.values[~unknown]))
    shape = " × ".join(f"{name} {side}" for name, side in zip(tensor.axes, tensor.values.shape, strict=True))
    rows = [
        ("tensor", shape),
        ("observed", f"{int((~unknown).sum())} of {unknown.size} ({100 * float(np.mean(~unknown)):.3g} %)"),
        ("model", f"{estimator.family_} of width {estimator.width_}"),
        ("prediction", ", ".join(f"{share:.2f} × {name}" for name, share in estimator.shares_.items())),
        ("held-out error", f"{estimator.held_out_error_:.4g} (standard deviation of the values {spread:.4g})"),
        ("seconds", f"{estimator.seconds_:.1f}"),
    ]
    labels = {tensor.axes.index(name): list(names) for name, names in tensor.labels.items()}
    rows += page.write(estimator, axis_names=tensor.axes, labels=labels)
    console.summary(rows, "written", output)


def _fitted(tensor: TensorFile, options: FitOptions, console: Console) -> "DeepTensorCompletion":
    from rankfall.estimators import DeepTensorCompletion

    estimator = DeepTensorCompletion(
        width=options.width,
        loss="squared" if options.loss == "auto" else options.loss,
        holdout=options.holdout,
        random_state=options.seed,
    )
    with console.fitting():
        return estimator.fit(tensor.values)
