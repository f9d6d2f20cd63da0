"""One output, and a small balanced random start: gradient descent fits Φ with a probability that depends on no scale.

For W ∈ R^{1×d_0} a start has a margin exactly where it leans towards Φ, as nearly half of all small ones do. Descent
first leaves the neighborhood of zero, at the rate of that small margin; from half of Φ on, at the rate of ‖Φ‖/2.
"""

import numpy as np
from scipy.special import ndtr

from rankfall.errors import InputError

THEOREM = "arora2018convergence, Theorem 2"


def single_output_deviation(target_norm: float, inputs: int, ratio: float | int) -> float:
    """s = ‖Φ‖_2/√(a d_0²), the largest deviation of the entries of W(0) that Theorem 2 takes.

    Parameters
    ----------
    target_norm : float
        ‖Φ‖_2 > 0.
    inputs : int
        d_0 ≥ 1.
    ratio : float
        a > 0; the larger, the smaller the start and the nearer the probability to ½.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    _require_positive(target_norm=target_norm, inputs=inputs, ratio=ratio)
    return target_norm / (np.sqrt(ratio) * inputs)


def single_output_margin(deviation: float, target_norm: float, inputs: int) -> float:
    """c = s² d_0/(2‖Φ‖_2), the deficiency margin that a start has with `single_output_probability`.

    Source: [arora2018convergence, Theorem 2].

    Parameters
    ----------
    deviation : float
        s > 0, of each entry of W(0).
    target_norm : float
        ‖Φ‖_2 > 0.
    inputs : int
        d_0 ≥ 1.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    _require_positive(deviation=deviation, target_norm=target_norm, inputs=inputs)
    return deviation**2 * inputs / (2 * target_norm)


def single_output_probability(inputs: int, ratio: float | int) -> float:
    """A probability with which W(0) ~ N(0, s²), s ≤ `single_output_deviation`, has the margin `single_output_margin`.

        (1 − 2e^{−d_0/16}) (3 − 4F(2√(2/a))) / 2,    F the normal distribution function

    Tends to ½ as d_0 and a grow, and exceeds ¼ from d_0 = a = 100 on; not above 0, it says nothing.

    Source: [arora2018convergence, Theorem 2].

    Parameters
    ----------
    inputs : int
        d_0 ≥ 1.
    ratio : float
        a > 0, as in `single_output_deviation`.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    _require_positive(inputs=inputs, ratio=ratio)
    leaning = (3 - 4 * float(ndtr(2 * np.sqrt(2 / ratio)))) / 2
    return (1 - 2 * float(np.exp(-inputs / 16))) * leaning


def single_output_step(deviation: float, target_norm: float, inputs: int, depth: int) -> float:
    """The largest step of Theorem 2, η = (s² d_0)^{4−2/N} / (10⁵ N³ ‖Φ‖_2^{10−6/N}).

    That of Theorem 1 (`admissible_step`) at the margin of the start, with 2⁴ · 6144 rounded up to 10⁵.

    Source: [arora2018convergence, Theorem 2].

    Parameters
    ----------
    deviation : float
        s > 0.
    target_norm : float
        ‖Φ‖_2 > 0.
    inputs : int
        d_0 ≥ 1.
    depth : int
        N ≥ 1.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    _require_positive(deviation=deviation, target_norm=target_norm, inputs=inputs, depth=depth)
    power = 4 - 2 / depth, 10 - 6 / depth
    return (deviation**2 * inputs) ** power[0] / (1e5 * depth**3 * target_norm ** power[1])


def single_output_iterations(
    deviation: float, target_norm: float, inputs: int, depth: int, step: float, accuracy: float
) -> float:
    """After how many steps the loss is at most ε, from a start with the margin `single_output_margin`.

        T = (4/η) [ ln 4 · (‖Φ‖_2/(s² d_0))^{2−2/N}  +  ‖Φ‖_2^{2/N−2} · ln(‖Φ‖_2²/(8ε)) ]

    The first term leaves the neighborhood of zero, the second converges. Of a gradient flow, η T is a time.

    Source: [arora2018convergence, Theorem 2].

    Parameters
    ----------
    deviation : float
        s > 0.
    target_norm : float
        ‖Φ‖_2 > 0.
    inputs : int
        d_0 ≥ 1.
    depth : int
        N ≥ 1.
    step : float
        η > 0.
    accuracy : float
        ε > 0.

    Returns
    -------
    float
        T, not rounded.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    _require_positive(
        deviation=deviation, target_norm=target_norm, inputs=inputs, depth=depth, step=step, accuracy=accuracy
    )
    power = 2 - 2 / depth
    leaving = np.log(4) * (target_norm / (deviation**2 * inputs)) ** power
    converging = max(float(np.log(target_norm**2 / (8 * accuracy))), 0.0) / target_norm**power
    return float(4 / step * (leaving + converging))


def _require_positive(**numbers: float | int) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise InputError(f"{name.replace('_', ' ')} must be positive, got {value}; 1 is a plain choice")
