"""How a recovery is told: on all rows and columns, in the units of the values, and in a sentence."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from rankfall.low_rank import LowRank, balanced_factors
from rankfall.recovery.certificate import Certificate
from rankfall.recovery.frozen_path import PathPoint, PathStep
from rankfall.recovery.gauss_newton import RankFit
from rankfall.recovery.noisy_fit import NoisyFit
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.spectrum import Triplets, triplets_of


def in_units(path: tuple[PathStep, ...], unit: float) -> tuple[PathStep, ...]:
    """The path with its scales in the units of the values."""
    return tuple(replace(step, scale=step.scale * unit) for step in path)


def nothing(shape: tuple[int, int], status: str) -> Recovery:
    """No matrix, and why."""
    zero = LowRank(np.zeros((shape[0], 0)), np.zeros((shape[1], 0)))
    return Recovery(zero, 0, Certificate.nothing(shape), (), 1.0, False, 0.0, status, 0)


def _spread(
    shape: tuple[int, int], triplets: Triplets, certificate: Certificate, rows: Int[np.ndarray, " p"],
    cols: Int[np.ndarray, " q"], unit: float,
) -> tuple[LowRank, Certificate]:  # fmt: skip
    """The product and the certificate on all rows and columns, those without entries included."""
    local_left, local_right = balanced_factors(triplets.left, triplets.values * unit, triplets.right)
    left, right = np.zeros((shape[0], local_left.shape[1])), np.zeros((shape[1], local_right.shape[1]))
    left[rows], right[cols] = local_left, local_right
    row_mask, col_mask = np.zeros(shape[0], bool), np.zeros(shape[1], bool)
    row_mask[rows], col_mask[cols] = certificate.rows, certificate.cols
    return LowRank(left, right), Certificate(row_mask, col_mask, certificate.redundancy)


def exact_answer(
    shape: tuple[int, int], fit: RankFit, certificate: Certificate, path: tuple[PathStep, ...],
    rows: Int[np.ndarray, " p"], cols: Int[np.ndarray, " q"], unit: float, made: int, what: str = "entries",
) -> Recovery:  # fmt: skip
    """An exact fit of the rows and columns that have entries, told for all."""
    product, spread = _spread(shape, fit.triplets, certificate, rows, cols, unit)
    status = f"rank {fit.rank} fits all {what} exactly; {_extent(spread, shape)}"
    return Recovery(product, fit.rank, spread, in_units(path, unit), fit.residual, True, 0.0, status, made)


def noisy_answer(
    shape: tuple[int, int], noisy: NoisyFit, certificate: Certificate, noise: float, size: float,
    rows: Int[np.ndarray, " p"], cols: Int[np.ndarray, " q"], unit: float, made: int, what: str = "entries",
    measured: float = 1.0,
) -> Recovery:  # fmt: skip
    """A noisy fit likewise, with the level of its noise; a measurement of a matrix of norm 1 is `measured` in size."""
    product, spread = _spread(shape, noisy.triplets, certificate, rows, cols, unit)
    rank, share, deviation = noisy.triplets.values.size, noise / size, noise * unit * measured
    error, unseen = noisy.error * unit * measured, "other cell" if what == "entries" else "cell"
    extent = (
        f"{_extent(spread, shape)} up to that noise"
        if spread.count
        else f"held-out {what} are predicted with an error of {error:.3g}, so no {unseen} is sure"
    )
    status = (
        f"no rank was found that the {what} can check and that fits them exactly; they contradict rank {rank}, chosen "
        f"on held-out {what}, by noise of deviation {deviation:.3g}, a share {share:.2g} of their size; {extent}"
    )
    path = in_units(noisy.path, unit)
    return Recovery(product, rank, spread, path, noisy.residual, False, deviation, status, made)


def interrupted_answer(
    shape: tuple[int, int], point: PathPoint, path: tuple[PathStep, ...], rows: Int[np.ndarray, " p"],
    cols: Int[np.ndarray, " q"], unit: float, made: int, what: str = "entries",
) -> Recovery:  # fmt: skip
    """The point of a path where Ctrl-C ended it, no exact fit having been found."""
    iterate, step = point.iterate, point.step
    found = triplets_of(iterate.left, iterate.right, step.rank, iterate.sampling.symmetry)
    nothing_sure = Certificate.nothing(iterate.sampling.shape)
    product, spread = _spread(shape, found, nothing_sure, rows, cols, unit)
    status = (
        f"interrupted on path {made}, at rank {step.rank} and a relative residual of {step.residual:.2g}: no exact fit "
        f"was found until then, and nothing beside the observed {what} is sure"
    )
    return Recovery(
        product, step.rank, spread, in_units(path, unit), step.residual, False, 0.0, status, made, interrupted=True
    )


def _extent(certificate: Certificate, shape: tuple[int, int]) -> str:
    if certificate.is_complete:
        return "every cell is determined"
    rows, cols = int(certificate.rows.sum()), int(certificate.cols.sum())
    return f"{rows} of {shape[0]} rows and {cols} of {shape[1]} columns are determined"
