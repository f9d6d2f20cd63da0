"""How a run ended, and what to do about it."""

from enum import StrEnum


class Status(StrEnum):
    """The end of a run, in one word; `advice` says what it means and what to try."""

    CONVERGED = "converged"
    STALLED = "stalled"
    DIVERGED = "diverged"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """What to try to reach another status, in one sentence; empty for `converged`."""
        return _ADVICE[self]


_ADVICE = {
    Status.CONVERGED: "",
    Status.STALLED: (
        "the gradient vanished to rounding before the stop was reached: the start may be exactly singular, the width "
        "too small for the data, or the loss asked for below what the dtype resolves"
    ),
    Status.DIVERGED: (
        "the loss ran away; the best state before it did is kept: try a smaller rtol or scale, or, with Descent, a "
        "smaller rate"
    ),
    Status.BUDGET: "the budget ran out before the stop was reached: raise the step limit, or ask for less",
    Status.INTERRUPTED: "the run was stopped from outside; the best state so far is kept",
}
