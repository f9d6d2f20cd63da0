"""What a method is to a comparison, whatever it completes: a name, what it needs, and predictions at positions."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float

Setting = TypeVar("Setting")

# The arguments of `fit_predict`: a problem, positions, and a seed.
Job: TypeAlias = tuple[Any, ...]


class Contender(ABC):
    """A way to predict entries from other entries.

    Attributes
    ----------
    name : str
        What it is called by.
    title : str
        What tables and pictures call it.
    module, package : str or None
        What must be installed, and under which name, if anything beyond rankfall itself.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    module: ClassVar[str | None] = None
    package: ClassVar[str | None] = None

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the library it stands for can be imported."""
        return cls.module is None or importlib.util.find_spec(cls.module) is not None

    def refusal(self, problem: Any) -> str | None:
        """Why the method is not for this problem, or None where it is."""
        if not self.is_installed():
            return f"not installed; pip install {self.package or self.module}"
        return self.too_large(problem)

    def is_applicable(self, problem: Any) -> bool:
        """Whether the method is for this problem; `refusal` has the reason."""
        return self.refusal(problem) is None

    def too_large(self, problem: Any) -> str | None:
        """Why the problem is too large for the method, or None."""
        return None

    @abstractmethod
    def predictions_for(self, job: Job) -> Float[np.ndarray, " entries"]:
        """Predictions for a job: `fit_predict` of its parts."""

    @staticmethod
    @abstractmethod
    def tiny_job() -> Job:
        """A small job that makes a method import and compile all that it uses."""


def least(settings: Sequence[Setting], missed: Callable[[Setting], np.ndarray]) -> Setting:
    """The setting with the least mean square of what it misses; one that misses by more than any number never is."""
    errors = []
    for setting in settings:
        error = float(np.mean(missed(setting) ** 2))
        errors.append(error if np.isfinite(error) else np.inf)
    return settings[int(np.argmin(errors))]
