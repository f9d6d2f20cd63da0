"""Comparison: the same held-out entries for every method, and one table of what each made of them.

`compare(problem)` measures; `METHODS` are those it knows by name for tables, `TENSOR_METHODS` those for tensors; a
`Method` or `TensorMethod` of your own takes its place beside them.
"""

from rankfall.comparison.catalogue import METHODS, TENSOR_METHODS, named
from rankfall.comparison.compare import compare
from rankfall.comparison.contender import Contender
from rankfall.comparison.measuring import Answer, measure, warm_up
from rankfall.comparison.methods import Method
from rankfall.comparison.standings import Comparison, Standing
from rankfall.comparison.tensor_methods import TensorMethod

__all__ = [
    "METHODS",
    "TENSOR_METHODS",
    "Answer",
    "Comparison",
    "Contender",
    "Method",
    "Standing",
    "TensorMethod",
    "compare",
    "measure",
    "named",
    "warm_up",
]
