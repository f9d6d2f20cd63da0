"""One local cluster of two processes for all tests of this folder."""

import pytest


@pytest.fixture(scope="module")
def client():
    dask = pytest.importorskip("dask", reason='a cluster needs Dask: pip install "rankfall[dask]"')
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.work-stealing": False}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        yield client
