"""The compiled motion of a narrow chain over listed entries."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import config

from rankfall.errors import InputError
from rankfall.kernels.entry_lists import EntryLists
from rankfall.kernels.lanes import LANES
from rankfall.kernels.motion import ChebyshevEnd, ExplicitEnd, Motion
from rankfall.kernels.narrow_gradient import packed_size, work_size
from rankfall.kernels.narrow_steps import CHEBYSHEV, EXPLICIT, NUDGED, PLAIN, steps
from rankfall.kernels.threads import piece_bounds, share_out

# The widest rows that stay in vector registers, and the multiplications of a gradient that one thread does in about
# a tenth of a millisecond: more are better shared out to threads and to BLAS.
_WIDEST, _WORK = 32, 2**19
# Multiplications by entries above which runs are shared out to threads.
WORTH_THREADS = 2**20
_NONE = np.empty((0, 0))


def is_narrow(dimensions: Sequence[int], lists: EntryLists) -> bool:
    """Whether `NarrowChain` is the faster way to follow a chain of two layers or more over these entries.

    Never where Numba compiles nothing: vectors of lanes exist in compiled code alone.
    """
    if config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue]
        return False
    width = max(dimensions[1:-1])
    inner = sum(rows * columns for columns, rows in itertools.pairwise(dimensions[1:]))
    return width <= _WIDEST and width * (lists.longest + inner) <= _WORK


@dataclass(frozen=True, eq=False)
class NarrowChain(Motion):
    """A chain of dimensions (n, d_1, …, d_{N−1}, m), N ≥ 2, hidden widths at most 32.

    Parameters
    ----------
    lists : EntryLists
        The observed entries, row by row and column by column.
    dimensions : tuple of int
        (n, d_1, …, d_{N−1}, m).
    rates : tuple of float, optional
        α_j; ones by default.
    decay : float
        λ.
    """

    lists: EntryLists
    dimensions: tuple[int, ...]
    rates: tuple[float | int, ...] | None = None
    decay: float = 0.0

    @cached_property
    def _settings(self) -> tuple[Any, Any, Any]:
        """What the loops read: the chain, the lists and the loss."""
        blocks = -(-max(self.dimensions[1:-1]) // LANES)
        dtype = self.lists.values.dtype.type
        rates = np.asarray(self.rates or (), dtype)
        dimensions, width = np.asarray(self.dimensions), LANES * blocks
        sizes = packed_size(dimensions, width), work_size(dimensions, width)
        chain = (dimensions, rates, dtype(self.decay), width, *sizes, (0,) * blocks)
        lists = (self.lists.starts, self.lists.columns, self.lists.values, self.lists.shares)
        return chain, lists, (self.lists.kind, dtype(self.lists.parameter))

    def velocity(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ℓ and Ẇ: a step of no length with one evaluation."""
        _, slopes, losses, _ = self._steps(PLAIN, _NONE, _once(weights), weights, weights, np.zeros(len(weights)), 1)
        return losses, slopes[0]

    def nudged(self, weights: np.ndarray, direction: np.ndarray, small: float) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.full(len(weights), small)
        _, slopes, _, reaches = self._steps(NUDGED, _NONE, _once(weights), weights, direction, lengths, 1)
        return slopes[0], reaches[:, 0]

    def chebyshev(
        self, weights: np.ndarray, velocity: np.ndarray, h: np.ndarray, factors: np.ndarray, spans: np.ndarray
    ) -> ChebyshevEnd:
        new, slopes, losses, errors = self._steps(CHEBYSHEV, factors, spans, weights, velocity, h, 1)
        return ChebyshevEnd(new, slopes[0], losses, errors[:, 0])

    def explicit(
        self, weights: np.ndarray, velocity: np.ndarray, h: np.ndarray, tableau: np.ndarray, last: np.ndarray,
        estimates: np.ndarray,
    ) -> ExplicitEnd:  # fmt: skip
        rows = np.vstack([tableau[1:], last])
        spans = np.repeat([[0, len(rows)]], h.size, axis=0)
        new, slopes, losses, norms = self._steps(EXPLICIT, rows, spans, weights, velocity, h, len(rows) + 1, estimates)
        return ExplicitEnd(new, slopes, losses, norms[:, :-2], norms[:, -2], norms[:, -1])

    def _steps(
        self, kind: int, factors: np.ndarray, spans: np.ndarray, weights: np.ndarray, velocity: np.ndarray,
        h: np.ndarray, kept: int, estimates: np.ndarray = _NONE,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        if len(self.lists.starts) not in (1, len(weights)):
            raise InputError(
                f"a batch of problems takes a row of weights for each, got {len(weights)} for "
                f"{len(self.lists.starts)}; choose the problems by of_runs"
            )
        weights, velocity = map(np.ascontiguousarray, (weights, velocity))
        new = np.empty_like(weights) if kind >= CHEBYSHEV else weights
        slopes = np.empty((kept, *weights.shape), weights.dtype)
        losses, measures = np.empty(h.size), np.empty((h.size, len(estimates) + 2))
        method = kind, factors, spans, estimates
        work = self.lists.longest * self._settings[0][3] * int((spans[:, 1] - spans[:, 0]).sum()) if h.size > 1 else 0
        call = (*self._settings, method, weights, velocity, h, new, slopes, losses, measures)
        share_out(steps, piece_bounds(h.size), *call, alone=work < WORTH_THREADS)
        return new, slopes, losses, measures


def _once(weights: np.ndarray) -> np.ndarray:
    """One evaluation of each run."""
    return np.repeat([[0, 1]], len(weights), axis=0)
