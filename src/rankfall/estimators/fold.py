"""A candidate on one split: its held-out loss at every moment, and when there is no more to see.

A candidate that falls behind the best so far, at equal progress in the training loss, is given up.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool

from rankfall.arrays import Array, is_numpy, namespace, to_numpy
from rankfall.estimators.scalings import column_spreads
from rankfall.estimators.standardization import Standardization
from rankfall.kernels.torch_entries import TorchEntries
from rankfall.problems.completion import Completion
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.stop import Memory, Stop

# Steps without improvement, by such a share, of the held-out loss after which a run has seen enough.
_PATIENCE, _IMPROVED = 10, 1e-4
# A candidate is given up when its held-out loss has been this much above the best one's at equal training loss for so
# many steps, once it has explained this share of what the effects left.
_BEHIND, _STEPS_BEHIND, _UNDERWAY = 1.005, 3, 0.02
# A gap that has shrunk by more than this factor in a step is narrowing.
_NARROWING = 0.998


@dataclass(eq=False)
class Fold:
    """One candidate on one split: its curve, and what each half's best moment predicts for the other half.

    Parameters
    ----------
    curve : list[tuple[float, float, float]]
        Time, held-out loss, and the share of the first training loss that is left. The loss is that in units, or, for
        squares, the squared error in spreads of the columns, so that readings in different units compare.
    best : list[float]
        The lowest held-out loss of each half, whose moment predicts the other half (`crossed`, in units).
    lowest : float
        The lowest held-out loss in units, with its time and the flat weights there.
    mark : float
        The loss in units from which the next improvement is measured, so that many small ones count.
    """

    train: Completion
    held: Completion
    half: np.ndarray
    standardization: Standardization
    curve: list[tuple[float, float, float]] = field(default_factory=list)
    best: list[float] = field(default_factory=lambda: [np.inf, np.inf])
    crossed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    run: Trajectory | None = None
    steps_behind: int = 0
    lead: float = np.inf
    entry_weights: np.ndarray | None = None
    steps_waited: int = 0
    loss: float = np.inf
    mark: float = np.inf
    lowest: float = np.inf
    lowest_time: float = 0.0
    weights: Array | None = None
    places: TorchEntries | None = None

    def watch(self, time: float, share: float, weights: Array, left: Array, right: Array) -> None:
        """Note the held-out losses of a moment, in units, and the share of the training loss that is left."""
        z = self._offset + self._products(left, right)
        in_units = self._in_units(z)
        losses = self._in_spreads(z) if self.standardization.loss.is_quadratic else in_units
        self.curve.append((time, float(losses.mean()), share))
        self._note_lowest(time, weights, float(np.average(in_units, weights=self.held.weights)))
        if not self.crossed.size:
            self.crossed = np.array(z)
        for k, (mine, others) in enumerate((self._halves, self._halves[::-1])):
            error = float(losses[mine].mean()) if mine.size else np.inf
            if error < self.best[k]:
                self.best[k] = error
                self.crossed[others] = z[others]

    @cached_property
    def _offset(self) -> np.ndarray:
        return self.standardization.offset(self.held.rows, self.held.cols)

    @cached_property
    def _halves(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.half == k) for k in (0, 1)]

    @cached_property
    def _targets(self) -> np.ndarray:
        return self.standardization.to_units(self.held.values, self.held.cols)

    def _products(self, left: Array, right: Array) -> np.ndarray:
        """W at the held-out entries; of factors on a device, these numbers alone come to the host."""
        shape, rows, cols = self.standardization, self.held.rows, self.held.cols
        if is_numpy(left):
            return self.train.predict(*shape.factors(left, right), rows, cols)
        if self.places is None:
            self.places = TorchEntries.of(rows, cols, self.held.shape, left)
        return shape.row_slow[rows] * shape.column_slow[cols] * to_numpy(self.places.predict(left, right))

    def _note_lowest(self, time: float, weights: Array, loss: float) -> None:
        self.loss = loss
        self.steps_waited += 1
        if loss < (1 - _IMPROVED) * self.mark:
            self.mark, self.steps_waited = loss, 0
        if loss < self.lowest:
            self.lowest, self.lowest_time = loss, time
            self.weights = namespace(weights).asarray(weights, copy=True)

    def losses(self, z: np.ndarray) -> np.ndarray:
        """What the held-out entries cost when predicted by z, one by one."""
        return self._in_spreads(z) if self.standardization.loss.is_quadratic else self._in_units(z)

    def _in_units(self, z: np.ndarray) -> np.ndarray:
        return self.standardization.loss.value(z, self._targets)

    def _in_spreads(self, z: np.ndarray) -> np.ndarray:
        if self.entry_weights is None:
            spreads = column_spreads(self.train)[self.held.cols]
            # a constant column is filled by its constant whatever is chosen
            self.entry_weights = np.divide(1.0, spreads**2, where=spreads > 0, out=np.zeros(spreads.size))
        return self.entry_weights * (self.standardization.from_units(z, self.held.cols) - self.held.values) ** 2

    def is_hopeless(self, rival: "Fold") -> bool:
        """Whether the held-out loss has long been above the rival's where that had as much training loss left.

        A gap that narrows gives hope.
        """
        _, mine, share = self.curve[-1]
        _, theirs, shares = np.asarray(rival.curve).T
        within = shares.min() < share < 1 - _UNDERWAY
        # along a flow the training loss falls, so that the shares, turned round, ascend
        before, self.lead = self.lead, mine / np.interp(share, shares[::-1], theirs[::-1]) if within else np.inf
        behind = within and self.lead > _BEHIND and self.lead >= _NARROWING * before
        self.steps_behind = self.steps_behind + 1 if behind else 0
        return self.steps_behind >= _STEPS_BEHIND


@dataclass(frozen=True)
class LowestPassed(Stop):
    """The held-out loss of a fold has not improved for some steps, or is above its lowest value by a share `rise`.

    It reads what the folds have noted: `follow` has them watch first.
    """

    folds: list[Fold] = field(repr=False)
    rise: float

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        folds = [self.folds[k] for k in now.runs]
        waited = np.array([fold.steps_waited for fold in folds])
        risen = [fold.loss > (1 + self.rise) * fold.lowest for fold in folds]
        return memory, (waited >= _PATIENCE) | np.array(risen)

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return 0.5 * min(self.folds[k].steps_waited for k in now.runs) / _PATIENCE

    def __str__(self) -> str:
        return f"the held-out loss had not improved for {_PATIENCE} steps"


def fold_of(train: Completion, held: Completion, standardization: Standardization, seed: int) -> Fold:
    """The fold of a split before its run, the held-out entries dealt into halves by the seed."""
    half = np.random.default_rng(seed).permutation(held.rows.size) % 2
    return Fold(train, held, half, standardization)
