"""What a number means, in a sentence."""

import math

_LONGEST = 1e6
_GOOD, _FAIR, _LITTLE = 0.9, 0.5, 0.1


def in_digits(value: float) -> str:
    """A number with four digits, or all those before the point up to a million; a dash for NaN."""
    if math.isnan(value):
        return "—"
    return f"{value:.0f}" if 1e4 <= abs(value) < _LONGEST else f"{value:.4g}"


def in_words(error: float, column_mean_error: float) -> str:
    """How good a completion is: the share of the columns' variance explained, and the gain over column means.

    Parameters
    ----------
    error, column_mean_error : float
        Root mean squared errors of the completion and of column means on held-out entries, in standard deviations of
        their columns; NaN where not measured.
    """
    if math.isnan(error):
        return "not measured: too few entries are observed"
    if error >= column_mean_error:
        return "no better than column means: the columns tell nothing about each other"
    explained = 1 - (error / column_mean_error) ** 2
    gain = f"its error is {100 * (1 - error / column_mean_error):.0f} % below that of column means"
    for bar, word in ((_GOOD, "very good"), (_FAIR, "good"), (_LITTLE, "modest")):
        if explained >= bar:
            return f"{word}: it explains {100 * explained:.0f} % of the variance, and {gain}"
    return f"poor: it explains {100 * max(explained, 0):.0f} % of the variance, and {gain}"
