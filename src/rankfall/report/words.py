"""What a number means, in a sentence."""

import math

_LONGEST, _NEARLY = 1e6, 0.99
_GOOD, _FAIR, _LITTLE = 0.9, 0.5, 0.1


def in_digits(value: int | float) -> str:
    """A number with four digits, or all those before the point up to a million; a dash for NaN."""
    if math.isnan(value):
        return "—"
    return f"{value:.0f}" if 1e4 <= abs(value) < _LONGEST else f"{value:.4g}"


def percent(share: float) -> str:
    """A share in percent; one that is less than whole is never shown as 100 %."""
    text = f"{100 * share:.0f}" if share < _NEARLY else f"{100 * share:.1f}" if share < 1 else "100"
    return f"{text} %" if share >= 1 or text != "100.0" else "over 99.9 %"


def in_words(error: float, mean_error: float, means: str = "column means", parts: str = "columns") -> str:
    """How good a completion is: the share of the variance explained, and the gain over means.

    Parameters
    ----------
    error, mean_error : float
        Root mean squared errors of the completion and of means on held-out entries, in standard deviations of their
        columns; NaN where not measured.
    means, parts : str
        What the means are called, and the parts of the data that tell something about one another.
    """
    if math.isnan(error):
        return "not measured: too few entries are observed"
    if error >= mean_error:
        return f"no better than {means}: the {parts} tell nothing about each other"
    explained = 1 - (error / mean_error) ** 2
    gain = f"its error is {percent(1 - error / mean_error)} below that of {means}"
    for bar, word in ((_GOOD, "very good"), (_FAIR, "good"), (_LITTLE, "modest")):
        if explained >= bar:
            return f"{word}: it explains {percent(explained)} of the variance, and {gain}"
    return f"poor: it explains {percent(max(explained, 0))} of the variance, and {gain}"
