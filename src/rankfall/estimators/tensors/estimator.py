"""`DeepTensorCompletion`: the estimator for people with a tensor full of holes."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from rankfall.errors import InputError
from rankfall.estimators.inputs import check_range
from rankfall.estimators.parameters import judged_in_fit, seed_of
from rankfall.estimators.reporting import TensorReporting
from rankfall.estimators.tensors.fitted import FittedTensor
from rankfall.estimators.tensors.members import Member, mixed
from rankfall.estimators.tensors.settings import TensorSettings
from rankfall.estimators.tensors.trial import Trial
from rankfall.problems.loss import Loss
from rankfall.problems.tensor_completion import TensorCompletion
from rankfall.problems.tensor_observations import check_indices

if TYPE_CHECKING:
    import numpy.typing as npt

# Entries of a dense result at most: 2 GB.
_DENSE = 2**28

Progress = Callable[[str, float], None]


class DeepTensorCompletion(TensorReporting, BaseEstimator):
    """Complete a tensor of any order by CP components, a train or a tree, chosen by held-out entries.

    A gradient flow from a small start finds the first component; alternating least squares adds further ones as long
    as they lower the held-out error. The rank is never asked for.

    Parameters
    ----------
    family : {"auto", "cp", "train", "tree"}, default="auto"
        How W is written; "auto" lets held-out entries choose between components and a train, and a tree from order 4.
    width : int or "auto", default="auto"
        Number of components, or the largest rank of a train or tree; "auto" grows it while the held-out error falls.
    loss : str or Loss, default="squared"
        What a residual costs: "squared", "huber", "absolute", "logistic" or a loss of your own, in units of the
        typical size of the values. Losses other than squares are fitted by the flow alone.
    holdout : float or "auto", default="auto"
        Share of the observed entries held out to choose on; "auto" is a tenth, and at most 100,000. Where every fiber
        along some axis is observed as a whole or not at all, whole fibers are held out.
    units : tuple of int, default=()
        Axes whose slices have units of their own, as different quantities have: each slice is divided by its size.
    random_state : int, RandomState or None, default=0
        Seed of the held-out entries and of the starts.

    Attributes
    ----------
    family_, width_, ridge_ : the tensor model with the lowest held-out error.
    model_, weights_ : that model and its weights, in the units of the fit.
    members_, shares_ : what the prediction is a sum of, and how much of each; often the model above alone. The best
        model of another family, and effects and components of a flattening ("matrix of axis 2"), take part where they
        lower the held-out error.
    held_out_error_ : float, root mean squared error on held-out entries, in units of the input.
    held_out_ : HeldOut, those entries and what is predicted for them, cross-fitted.
    problem_ : TensorCompletion, the observed entries.
    trajectory_ : Trajectory of the flow that the fit started from; None where least squares started at once.
    trials_ : list of Trial, every candidate.

    Examples
    --------
    >>> import numpy as np, rankfall as rf
    >>> a, b, c = (np.random.default_rng(seed).standard_normal((9, 2)) for seed in range(3))
    >>> X = np.einsum("ir,jr,kr->ijk", a, b, c)
    >>> holes = np.where(np.random.default_rng(3).random(X.shape) < 0.4, np.nan, X)
    >>> filled = rf.DeepTensorCompletion().fit(holes).complete()
    >>> bool(np.abs(filled - X).max() < 0.01 * X.std())
    True
    """

    @judged_in_fit
    def __init__(
        self,
        *,
        family: str = "auto",
        width: int | str = "auto",
        loss: str | Loss = "squared",
        holdout: float | str = "auto",
        units: tuple[int, ...] = (),
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.family = family
        self.width = width
        self.loss = loss
        self.holdout = holdout
        self.units = units
        self.random_state = random_state

    def fit(
        self,
        X: "npt.ArrayLike",
        y: object = None,
        *,
        weights: "npt.ArrayLike | None" = None,
        progress: Progress | None = None,
    ) -> "DeepTensorCompletion":
        """Fit an array, or a labelled one (xarray), of two or more axes whose unknown entries are NaN.

        Parameters
        ----------
        X : array_like or DataArray
            Of any shape with two or more axes.
        y : None
            Not used.
        weights : array_like, optional
            Of the shape of X: how much each entry counts.
        progress : callable, optional
            Called as `progress(what, seconds)` after every trial.

        Raises
        ------
        InputError
            For what cannot be completed.
        """
        return self._fit(TensorCompletion.from_array(X, weights=weights, loss=self._loss()), progress)

    def fit_entries(
        self,
        indices: "Sequence[npt.ArrayLike] | np.ndarray",
        values: "npt.ArrayLike",
        shape: tuple[int, ...] | None = None,
        *,
        weights: "npt.ArrayLike | None" = None,
        duplicates: str = "error",
        progress: Progress | None = None,
    ) -> "DeepTensorCompletion":
        """Fit a list of entries.

        Parameters
        ----------
        indices : sequence of array_like of int
            One list for each axis, from 0.
        values : array_like, shape (entries,)
        shape : tuple of int, optional
            The sides; the largest indices by default.
        weights : array_like, shape (entries,), optional
            How much each entry counts.
        duplicates : {"error", "mean", "last"}
            What an entry listed twice means.
        progress : callable, optional
            Called as `progress(what, seconds)` after every trial.
        """
        problem = TensorCompletion.from_coordinates(
            indices, values, shape, weights=weights, duplicates=duplicates, loss=self._loss()
        )
        return self._fit(problem, progress)

    def _fit(self, problem: TensorCompletion, progress: Progress | None) -> "DeepTensorCompletion":
        settings = TensorSettings.resolve(problem, self.family, self.width, self.holdout, self.units)
        check_range(problem)
        began = time.perf_counter()

        def report(trial: Trial) -> None:
            if progress is not None:
                progress(f"{trial.candidate.family} {trial.candidate.width}", time.perf_counter() - began)

        fitted = FittedTensor.of(problem, settings, seed_of(self.random_state), report)
        candidate = fitted.chosen.candidate
        self.family_, self.width_, self.ridge_ = candidate.family, candidate.width, candidate.ridge
        self.model_, self.weights_ = fitted.best.trial.model, fitted.best.trial.weights
        self.members_, self.units_ = fitted.members, fitted.units
        self.shares_ = {member.name: float(share) for share, member in fitted.members}
        self.held_out_, self.held_out_error_ = fitted.held_out, fitted.held_out.error
        self.scores_, self.trials_ = fitted.scores, fitted.trials
        self.trajectory_, self.problem_, self.shape_ = fitted.chosen.trajectory, problem, problem.shape
        self.seconds_ = time.perf_counter() - began
        return self

    def predict(self, indices: "Sequence[npt.ArrayLike] | np.ndarray") -> Float[np.ndarray, " entries"]:
        """W at `indices`, one list of zero-based integers for each axis, forming nothing else."""
        check_is_fitted(self)
        lists = [np.atleast_1d(np.asarray(each)) for each in indices]
        check_indices(lists, self.shape_)
        stacked = np.stack(lists)
        return self._mean(self._sum(lambda member: member.at(stacked))) * self.units_.at(stacked)

    def intervals(
        self, indices: "Sequence[npt.ArrayLike] | np.ndarray", alpha: float = 0.1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends that cover a new entry with probability at least 1 − `alpha`, by split conformal.

        Entries must be hidden at random as the held-out ones were.

        Parameters
        ----------
        indices : sequence of array_like of int
            One list for each axis, from 0.
        alpha : float
            The share of new entries that may lie outside, default 0.1.

        Returns
        -------
        low, high : ndarray, shape (entries,)

        Raises
        ------
        InputError
            For alpha outside (0, 1).
        """
        if not 0 < alpha < 1:
            raise InputError(f"alpha must lie between 0 and 1, got {alpha}; 0.1 asks for intervals that cover 90 %")
        center = self.predict(indices)
        place = math.ceil((self.scores_.size + 1) * (1 - alpha))
        factor = self.scores_[place - 1] if place <= self.scores_.size else math.inf
        half = factor * self.units_.at(np.stack([np.atleast_1d(np.asarray(each)) for each in indices]))
        return center - half, center + half

    def complete(self) -> Float[np.ndarray, "..."]:
        """The whole tensor, formed. Raises InputError where it would exceed 2 GB; `predict` forms single entries."""
        check_is_fitted(self)
        size = math.prod(self.shape_)
        if size > _DENSE:
            raise InputError(
                f"a dense result holds at most {_DENSE} entries, got shape {self.shape_} with {size} "
                f"({8 * size / 2**30:.3g} GB); use predict(indices) for the entries you need"
            )
        return self.units_.whole(self._mean(self._sum(lambda member: member.whole())))

    def _sum(self, read: Callable[[Member], np.ndarray]) -> np.ndarray:
        shares, members = zip(*self.members_, strict=True)
        return mixed(members, shares, read)

    def _mean(self, predicted: np.ndarray) -> np.ndarray:
        return np.asarray(self._loss().mean(predicted))

    def _loss(self) -> Loss:
        if isinstance(self.loss, Loss):
            return self.loss
        if self.loss not in Loss.registered:
            raise InputError(f"loss must be one of {', '.join(sorted(Loss.registered))} or a Loss, got {self.loss!r}")
        return Loss.registered[self.loss].in_spreads()
