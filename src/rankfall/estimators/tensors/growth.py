"""A family made wider and wider, each width from the weights of the one before, with the ridge that it wants."""

from collections.abc import Callable, Sequence

from rankfall.estimators.tensors.trial import Trial

# Ridges to choose from, and the error at which nothing is left to choose.
LEAST, MOST, EXACT = 1e-10, 1.0, 1e-5
# The error, as a share of the values, at which no wider model and no other family is tried.
GOOD = 3e-3
# What a trial must lower the error to, and a width; how many widths in a row may pass without, at the first ridge.
IMPROVED = 0.99
_WORTH, _PATIENCE = 0.98, 2
# Widths up to this are also fitted anew where they do not help.
_NARROW = 16
# What the ridge is multiplied by while that helps a width; in tuning; and for the next width.
STRONGER, _STEP, _WEAKER = 3.0, 10.0, 0.1


def climb(
    first: Trial,
    widths: Sequence[int],
    wider: Callable[[Trial, int, float], Trial],
    anew: Callable[[int, float], Trial],
    again: Callable[[Trial, float], Trial],
    is_worth: Callable[[Trial], bool],
) -> None:
    """Widths and ridges in turn, as long as either lowers the held-out error.

    A strong ridge takes new components away again, so that a weaker one is tried with the next width.
    """

    def careful(trial: Trial, width: int, ridge: float, error: float) -> Trial:
        """A width that does not help may want a stronger ridge, or be held back by what it continues."""
        found = wider(trial, width, ridge)
        if found.error < _WORTH * error:
            return found
        found = strengthened(found, again)
        if found.error < _WORTH * error or width > _NARROW:
            return found
        other = strengthened(anew(width, ridge), again)
        return other if other.error < found.error else found

    def quick(trial: Trial, width: int, ridge: float, error: float) -> Trial:
        return wider(trial, width, ridge)

    if not is_worth(first):
        return
    lowest = _widened(first, widths, careful, is_worth)
    while lowest.error >= GOOD and is_worth(lowest):
        weaker = _widened(lowest, widths, quick, is_worth, _WEAKER)
        if weaker is lowest:
            break
        lowest = weaker
    if is_worth(lowest):
        tune(lowest, again)


def _widened(
    first: Trial,
    widths: Sequence[int],
    wider: Callable[[Trial, int, float, float], Trial],
    is_worth: Callable[[Trial], bool],
    factor: float = 1.0,
) -> Trial:
    """The width that lowers the error most with `factor` times the ridge, until some in a row do not lower it."""
    lowest, waited, trial = first, 0, first
    ridge = factor * first.candidate.ridge
    for width in [width for width in widths if width > first.candidate.width]:
        if lowest.error < GOOD:
            break
        trial = wider(trial, width, ridge, lowest.error)
        # many weights want a stronger ridge than few
        ridge = max(ridge, trial.candidate.ridge / STRONGER)
        waited = 0 if trial.error < _WORTH * lowest.error else waited + 1
        lowest = trial if waited == 0 else lowest
        if waited > (_PATIENCE if factor == 1 else 0) or not is_worth(trial):
            break
    return lowest


def strengthened(trial: Trial, again: Callable[[Trial, float], Trial]) -> Trial:
    """The trial with a stronger ridge, step by step while that helps."""
    while trial.error > GOOD and trial.candidate.ridge < MOST:
        stronger = again(trial, STRONGER * trial.candidate.ridge)
        if stronger.error > IMPROVED * trial.error:
            break
        trial = stronger
    return trial


def tune(first: Trial, again: Callable[[Trial, float], Trial], step: float = _STEP) -> Trial:
    """The trial with a smaller ridge, or a larger one, each from the weights of the one before, while that helps."""
    for factor in (1 / step, step):
        lowest = first
        while lowest.error > EXACT and LEAST <= (ridge := lowest.candidate.ridge * factor) <= MOST:
            trial = again(lowest, ridge)
            if trial.error > _WORTH * lowest.error:
                break
            lowest = trial
        if lowest is not first:
            return lowest
    return first
