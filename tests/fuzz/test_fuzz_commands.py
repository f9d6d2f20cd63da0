"""Random commands on random and damaged files: no traceback, no number that is none, no result lost."""

import pytest

from tests.fuzz.commands import case, judge

QUICK, MANY = range(40), range(40, 1200)


def check(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert judge(case(seed, tmp_path)) == ""


@pytest.mark.parametrize("seed", QUICK)
def test_a_few_commands(seed, tmp_path, monkeypatch):
    check(seed, tmp_path, monkeypatch)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", MANY)
def test_many_commands(seed, tmp_path, monkeypatch):
    check(seed, tmp_path, monkeypatch)
