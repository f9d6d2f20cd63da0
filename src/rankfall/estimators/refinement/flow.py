"""Deep factorization as a member: the folds and the whole table follow the flow in lockstep.

The time at which a fold's entries are predicted is chosen by the held-out entries of the other folds, that of the whole
table by all of them. With `lift`, the products z_i z_j stand beside the columns, together as heavy as 0.7 of them: a
matrix of low rank in the wider table is a table of low degree in the narrow one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.member import Member, Split
from rankfall.integrators.flow import Flow
from rankfall.models.chain import Chain
from rankfall.models.starts import Spectral
from rankfall.problems.completion import Completion
from rankfall.trajectory.evolve import evolve_batch
from rankfall.trajectory.record import Record
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.stops import HeldOutRise, LossBelow, StepLimit

_RTOL, _FITTED = 3e-2, 1e-6
# Most steps, and steps without improvement after which a run has seen enough; the wider table gets fewer.
_STEPS, _PATIENCE, _LIFTED_STEPS, _LIFTED_PATIENCE = 300, 10, 100, 6
_SCALES = {2: 1e-5, 3: 1e-4}
_LIFTED_WEIGHT, _CLIPPED = 0.7, 3.0
_MOST_LIFTED = 60
_TINY = 1e-300
# Noise delays the time to stop by the root of the number of entries.
_LATER = 0.5


@dataclass(frozen=True)
class DeepFactorization(Member):
    """The flow of a chain of `depth` layers, on the table alone or lifted by the products of its columns."""

    depth: int = 2
    lift: bool = False

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """With the depth."""
        return f"deep factorization, depth {self.depth}" + (", with products of columns" if self.lift else "")

    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """Predictions at the times chosen."""
        tables = np.stack([lifted(table) for table in split.tables]) if self.lift else split.tables
        parts, m, n = split.tables.shape
        known = ~np.isnan(tables)
        rows, cols = np.nonzero(known.any(axis=0))
        values = np.nan_to_num(tables[:, rows, cols])
        weights = known[:, rows, cols].astype(float)
        held = np.zeros((parts, *tables.shape[1:]), dtype=bool)
        held[:-1, :, :n] = split.held
        held[-1] = held[:-1].any(axis=0)
        # what a fold hides stands in the whole table, in units that hardly differ
        values = np.where(weights > 0, values, np.nan_to_num(tables[-1])[rows, cols])
        aside = held[:, rows, cols].astype(float)
        shape = tables.shape[1], tables.shape[2]
        problem = Completion(rows, cols, values, shape, weights, held_out=Completion(rows, cols, values, shape, aside))
        width = int(min(*shape, 40))
        truth = np.nan_to_num(split.tables[-1])

        def watch(now: Snapshot) -> bool:
            left, right = now.model.factors(now.weights)
            for place, part in enumerate(now.runs):
                seen[part].append(float(now.time[place]))
                predicted[part].append(left[place] @ right[place][:n].T)
            return False

        seen: list[list[float]] = [[] for _ in range(parts)]
        predicted: list[list[np.ndarray]] = [[] for _ in range(parts)]
        steps, patience = (_LIFTED_STEPS, _LIFTED_PATIENCE) if self.lift else (_STEPS, _PATIENCE)
        start = Spectral(width, _SCALES[self.depth] * float(np.sqrt(m * n)))
        evolve_batch(
            problem, Chain(self.depth, width), start, Flow(_RTOL),
            stop=HeldOutRise(patience) | LossBelow(_FITTED) | StepLimit(steps),
            record=Record(every=steps), callback=watch,
        )  # fmt: skip
        grid = np.unique(np.concatenate([np.asarray(times) for times in seen[:-1]]))
        curves = []
        for k in range(parts - 1):
            losses = [np.mean((z[split.held[k]] - truth[split.held[k]]) ** 2) for z in predicted[k]]
            curves.append(np.interp(grid, seen[k], losses))
        later = (1 + split.held.mean() / max(1e-9, (~np.isnan(split.tables[-1])).mean())) ** _LATER
        filled = np.empty((parts, m, n))
        for k in range(parts):
            others = [curves[i] for i in range(parts - 1) if i != k]
            time = grid[np.argmin(np.mean(others, axis=0))] * (later if k == parts - 1 else 1.0)
            filled[k] = predicted[k][int(np.argmin(np.abs(np.log(np.asarray(seen[k]) + _TINY) - np.log(time + _TINY))))]
        return filled


def lifted(table: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "m wider"]:
    """The table, clipped, with z_j² and z_i z_j beside its columns, standardized and weighted."""
    n = table.shape[1]
    clipped = np.clip(table, -_CLIPPED, _CLIPPED)
    first, second = np.triu_indices(n)
    if first.size > _MOST_LIFTED:
        squares = first == second
        first, second = first[squares], second[squares]
    products = clipped[:, first] * clipped[:, second]
    with np.errstate(all="ignore"):
        count = np.maximum((~np.isnan(products)).sum(axis=0), 1)
        center = np.nansum(products, axis=0) / count
        spread = np.sqrt(np.nansum((products - center) ** 2, axis=0) / count)
    products = (products - center) / np.where(spread > 1e-9, spread, 1.0)
    return np.concatenate([clipped, _LIFTED_WEIGHT * np.sqrt(n / first.size) * products], axis=1)
