"""Problems: what is observed of W, and the loss ℓ(W)."""

from rankfall.problems.completion import Completion

__all__ = ["Completion"]
