"""Random fits: each is refused in a sentence, or answers everything with finite numbers, also when read back."""

import pytest

from tests.fuzz.fits import judge_fit

QUICK, MANY = range(60), range(60, 2400)


@pytest.mark.parametrize("seed", QUICK)
def test_a_few_fits(seed, tmp_path):
    assert judge_fit(seed, tmp_path) == ""


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", MANY)
def test_many_fits(seed, tmp_path):
    assert judge_fit(seed, tmp_path) == ""
