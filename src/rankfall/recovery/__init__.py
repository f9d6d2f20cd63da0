"""Recovery: the matrix behind a few entries, exactly, without being told its rank, and what the entries determine.

`recover` follows deep matrix factorization to its limit: the metric of the flow is frozen, the frozen flow is solved
for all time, the metric is refreshed, and the scale of the start shrinks. `suggest_cells` says what to measure next.
"""

from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.expected_lines import with_expected_lines
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.metric import ArithmeticMean, DepthMean
from rankfall.recovery.recover import recover
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.suggestions import suggest_cells
from rankfall.recovery.symmetry import Symmetry
from rankfall.recovery.walk_ahead import walk_ahead

__all__ = [
    "ArithmeticMean",
    "Certificate",
    "DepthMean",
    "PathStep",
    "Recovery",
    "Symmetry",
    "certify",
    "recover",
    "suggest_cells",
    "walk_ahead",
    "with_expected_lines",
]
