"""Workers whose memory is full are told about, with what would fit; Dask alone lets a call wait for ever."""

from types import SimpleNamespace

import pytest

import rankfall as rf

pytestmark = pytest.mark.dask


def cluster_of(limits, statuses, busy=()):
    workers = {
        str(place): {"memory_limit": limit, "status": status}
        for place, (limit, status) in enumerate(zip(limits, statuses, strict=True))
    }
    tasks = {address: ("task",) if int(address) in busy else () for address in workers}
    return SimpleNamespace(scheduler_info=lambda: {"workers": workers}, processing=lambda: tasks)


@pytest.mark.parametrize(
    ("statuses", "busy", "stuck"),
    [
        (["paused", "paused"], (), True),
        (["paused", "paused"], (0,), True),
        (["paused", "running"], (0,), True),
        (["paused", "running"], (1,), False),
        (["running", "running"], (), False),
    ],
)
def test_a_call_is_stuck_where_only_paused_workers_have_work(statuses, busy, stuck):
    from rankfall.cluster.memory import is_stuck

    assert is_stuck(cluster_of([1e9, 1e9], statuses, busy)) is stuck


def test_the_size_that_fits_grows_with_the_memory_and_falls_with_the_entries():
    from rankfall.cluster.memory import out_of_memory

    def size(limit, entries):
        return int(out_of_memory(cluster_of([limit], ["paused"]), entries).split("block_entries=")[1].split(")")[0])

    assert size(2e9, 10**6) > size(1e9, 10**6) > size(1e9, 3 * 10**6)
    assert "give each at least" in out_of_memory(cluster_of([1e9], ["paused"]), 10**8)


def test_paused_workers_end_the_wait(monkeypatch):
    dask = pytest.importorskip("dask", reason='a cluster needs Dask: pip install "rankfall[dask]"')
    from distributed import Client, LocalCluster

    from rankfall.cluster import memory

    monkeypatch.setattr(memory, "PATIENCE", 1.0)
    monkeypatch.setattr(memory, "_LOOK", 0.2)
    always_paused = {"distributed.worker.memory.pause": 1e-3, "distributed.worker.memory.terminate": False}
    with (
        dask.config.set(always_paused),
        LocalCluster(n_workers=1, memory_limit="1GB", dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        while client.scheduler_info()["workers"] and not memory.is_stuck(client):
            pass
        with pytest.raises(rf.InputError, match=r"got 1 worker of .* whose memory is full"):
            memory.wait_for(client, client.submit(sum, [1, 2]))
