"""A fitted estimator of tables as a file: what is written, what is read back, and its run made again."""

from numbers import Integral
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from rankfall.errors import InputError
from rankfall.estimators.categorical_table import CategoricalTable
from rankfall.estimators.categories import Categories
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.fitting import retrace
from rankfall.estimators.parameters import positions
from rankfall.estimators.persistence import load_fitted, save_fitted
from rankfall.estimators.predictions import Predictions
from rankfall.estimators.robust_scaling import read_loss, spelled
from rankfall.estimators.saved_fit import Notes
from rankfall.estimators.settings import FitSettings
from rankfall.problems.completion import Completion
from rankfall.tables.files import FilePath
from rankfall.trajectory.run import Trajectory

if TYPE_CHECKING:
    import numpy.typing as npt

Kind = TypeVar("Kind", bound="Saving")


class Saving(Predictions, BaseEstimator):
    """`save`, `load` and `retrace` of an estimator of tables, which keeps a fit by `keep_fitted`."""

    order: "str | npt.ArrayLike | None"
    random_state: int | np.random.RandomState | None
    n_features_in_: int
    effective_rank_: float
    status_: str

    def save(self, path: FilePath) -> None:
        """Write the fitted estimator to a versioned `.npz` without pickles; `load` reads it back."""
        check_is_fitted(self)
        # where a fit was computed says nothing about where it is read
        parameters: dict[str, object] = {**self.get_params(), "device": None}
        if not isinstance(self.random_state, (Integral, type(None))):
            parameters["random_state"] = None
        ordered = positions(self.order, self.fitted_.problem.shape[0])
        if ordered is not None and not isinstance(self.order, str):
            parameters["order"] = np.argsort(ordered).tolist()
        if not isinstance(self.loss, str):
            parameters["loss"] = spelled(self.loss)
        names, categories = self._column_names, self.fitted_.categories
        notes = Notes(
            effective_rank=self.effective_rank_,
            status=self.status_,
            names=None if names is None else list(names),
            categories=None if categories is None else [levels.tolist() for levels in categories.levels],
        )
        save_fitted(self.fitted_.source, parameters, notes, path)

    @classmethod
    def load(cls: type[Kind], path: FilePath) -> Kind:
        """The estimator that `save` wrote, fitted; its trajectory is not stored, `retrace` makes it again."""
        fitted, parameters, notes = load_fitted(path)
        strange = set(parameters) ^ set(cls().get_params())
        if strange:
            raise InputError(
                f"the parameters of a saved fit must be those of {cls.__name__}, {', '.join(sorted(strange))} in "
                f"{str(path)!r} differ; read it with the version that wrote it"
            )
        if isinstance(parameters["loss"], dict):
            parameters["loss"] = read_loss(parameters["loss"])
        model = cls().set_params(**parameters)
        model._judge()
        if notes["categories"] is not None:
            levels = tuple(np.asarray(one, dtype=np.float64) for one in notes["categories"])
            fitted = CategoricalTable.of(fitted, Categories(levels))
        model.n_features_in_ = fitted.problem.shape[1]
        if notes["names"] is not None:
            vars(model)["feature_names_in_"] = np.asarray(notes["names"], dtype=object)
        model.effective_rank_, model.status_ = notes["effective_rank"], notes["status"]
        return model.keep_fitted(fitted)

    def retrace(self) -> Trajectory | None:
        """The run of the fit: `trajectory_`, or, for a loaded estimator, made again from what was saved.

        Returns
        -------
        Trajectory or None
            None where a loaded fit ended otherwise than its run would: by Ctrl-C, or at a moment of the run that chose
            it.
        """
        check_is_fitted(self)
        fitted = self.fitted_.source
        if fitted.trajectory is not None:
            return fitted.trajectory
        return retrace(fitted, self.settings_for(fitted.problem))

    def _judge(self) -> None:
        """Raise InputError for a parameter that is out of range."""
        raise NotImplementedError

    def keep_fitted(self: Kind, fitted: FittedTable) -> Kind:
        """Keep a fit and what it chose as attributes."""
        raise NotImplementedError

    def settings_for(self, problem: Completion, categories: Categories | None = None) -> FitSettings:
        """The settings that the parameters spell for a problem."""
        raise NotImplementedError
