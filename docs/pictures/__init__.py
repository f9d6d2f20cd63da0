"""The pictures of the theory pages: each function follows runs, and draws their numbers with theory over them.

What a run gave is drawn in color, what a theorem says of it as a black line, dashed where both lie on each other. A
figure has one message.
"""

from pictures.fitting import acceleration, convergence, failures, no_regularizer
from pictures.limits import four_by_four, nuclear_norm, schatten, two_by_two
from pictures.motion import alignment, end_to_end, imbalance, invariant_block, weight_decay
from pictures.recovery import recovery
from pictures.values import escape_times, one_measurement, saddle, singular_values

__all__ = [
    "acceleration", "alignment", "convergence", "end_to_end", "escape_times", "failures", "four_by_four", "imbalance",
    "invariant_block", "no_regularizer", "nuclear_norm", "one_measurement", "recovery", "saddle", "schatten",
    "singular_values", "two_by_two", "weight_decay",
]  # fmt: skip
