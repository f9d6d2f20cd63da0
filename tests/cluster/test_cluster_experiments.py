"""Parts of an experiment as tasks of a cluster."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.experiments import experiment, reproduce
from tests.helpers.shell import shell

pytestmark = [pytest.mark.dask, pytest.mark.trusted]
NAME = "cohen2016-expressiveness"


def test_parts_on_a_cluster_are_those_of_this_process(tmp_path):
    here = reproduce(experiment(NAME), tmp_path / "here", quick=True)
    there = reproduce(experiment(NAME), tmp_path / "there", quick=True, dask="local")
    for name in here.data.data_vars:
        np.testing.assert_array_equal(here.data[name], there.data[name])


def test_jobs_and_a_cluster_exclude_one_another():
    ended = shell("reproduce", NAME, "--jobs", 2, "--dask")
    assert ended.code == 2
    assert "--jobs is for one machine" in ended.stderr


def test_nobody_at_the_address(tmp_path, monkeypatch):
    from rankfall.cluster import connection

    monkeypatch.setattr(connection, "PATIENCE", "1s")
    with pytest.raises(rf.InputError, match="must answer at the address"):
        reproduce(experiment(NAME), tmp_path, quick=True, dask="nowhere:1")
