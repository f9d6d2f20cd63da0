"""Solvers keep BLAS to one thread on small problems, as runs do."""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

from rankfall.kernels.blas_threads import SMALL, one_blas_thread
from rankfall.problems.problem import Problem

Solve = TypeVar("Solve", bound=Callable[..., Any])


def alone_if_small(solve: Solve) -> Solve:
    """A solver's `solve` with BLAS on one thread where a decomposition of the whole matrix is small."""

    @functools.wraps(solve)
    def limited(self: object, problem: Problem, *rest: Any, **named: Any) -> Any:
        with one_blas_thread(math.prod(problem.shape) * min(problem.shape) <= SMALL):
            return solve(self, problem, *rest, **named)

    return cast(Solve, limited)
