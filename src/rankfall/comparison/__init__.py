"""Comparison: the same held-out entries for every method, and one table of what each made of them.

`compare(problem)` measures; `METHODS` are those it knows by name; a `Method` of your own takes its place beside them.
"""

from rankfall.comparison.catalogue import METHODS, named
from rankfall.comparison.compare import compare
from rankfall.comparison.measuring import Answer, measure, warm_up
from rankfall.comparison.methods import Method
from rankfall.comparison.standings import Comparison, Standing

__all__ = ["METHODS", "Answer", "Comparison", "Method", "Standing", "compare", "measure", "named", "warm_up"]
