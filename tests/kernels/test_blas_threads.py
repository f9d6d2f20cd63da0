"""BLAS keeps to one thread while compiled loops take turns with it, and gets its threads back."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import rankfall as rf
from rankfall.kernels.blas_threads import one_blas_thread
from tests.helpers.planted import planted_problem


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("wanted", [True, False])
def test_threads_come_back_whatever_happens(wanted):
    np.ones((2, 2)) @ np.ones((2, 2))
    before = blas_threads()
    seen = []

    def interrupted():
        with one_blas_thread(wanted):
            seen.append(blas_threads())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert seen == [{1} if wanted else before]
    assert blas_threads() == before


@pytest.mark.parametrize(("share", "width", "alone"), [(0.05, 4, True), (0.9, 40, False)])
def test_a_run_over_listed_entries_takes_turns_and_a_formed_one_leaves_blas_its_threads(share, width, alone):
    problem = planted_problem((120, 90), share=share)
    before, seen = blas_threads(), []
    rf.evolve(
        problem, rf.Chain(2, width), rf.Gaussian(0.1), rf.Flow(), stop=rf.StepLimit(2),
        callback=lambda now: seen.append(blas_threads()),
    )  # fmt: skip
    assert seen
    assert all(threads == ({1} if alone else before) for threads in seen)
    assert blas_threads() == before
