"""What a fit on a cluster answers and writes, and what it refuses."""

import os
import signal
import sys

import numpy as np
import pandas as pd
import pytest

import rankfall as rf
from tests.helpers.entries import planted_entries

pytestmark = [pytest.mark.dask, pytest.mark.trusted]
ENTRIES = planted_entries((250, 80), 5000)
NAMES = ["user", "item", "rating"]


def partitioned(entries, partitions=3):
    import dask.dataframe as dd

    return dd.from_pandas(entries, npartitions=partitions, sort=False)


@pytest.fixture(scope="module")
def model(client):
    from rankfall import cluster

    known = {"width": 4, "depth": 2, "features": False, "scaling": "global", "rtol": 0.1}
    estimator = rf.DeepMatrixFactorization(**known, decimals="auto")
    return cluster.fit(estimator, partitioned(ENTRIES), NAMES, block_entries=2000)


def test_predictions_of_a_frame_are_those_of_the_estimator(model, tmp_path):
    from rankfall import cluster

    pairs = ENTRIES.head(500)[["user", "item"]]
    found = cluster.predict(model, partitioned(pairs), ["user", "item"]).compute()
    places = np.searchsorted(model.row_labels_, pairs["user"]), np.searchsorted(model.column_labels_, pairs["item"])
    expected = model.predict(*places)
    np.testing.assert_allclose(found["predicted"], expected, rtol=1e-5)
    # each within the range of its column
    highest = ENTRIES.groupby("item")["rating"].max()
    assert (found["predicted"].to_numpy() <= highest[pairs["item"]].to_numpy() + 1e-5).all()
    cluster.write_predictions(model, partitioned(pairs), ["user", "item"], tmp_path / "predicted")
    written = pd.read_parquet(tmp_path / "predicted")
    np.testing.assert_allclose(written["predicted"], found["predicted"])


def test_an_id_never_seen_counts_as_average(model):
    from rankfall import cluster

    found = cluster.predict(model, partitioned(pd.DataFrame({"user": [10**6], "item": [0]}), 1), NAMES).compute()
    assert np.isfinite(found["predicted"]).all()


def test_recommendations_are_those_of_the_estimator(model, tmp_path):
    from rankfall import cluster

    cluster.recommend(model, 3, tmp_path / "best")
    written = pd.read_parquet(tmp_path / "best")
    columns, predictions = model.recommend(np.arange(20), 3)
    for row in range(20):
        chosen = written[written["row"] == model.row_labels_[row]].sort_values("rank")
        assert chosen["column"].tolist() == model.column_labels_[columns[row]].tolist()
        np.testing.assert_allclose(chosen["predicted"], predictions[row], rtol=1e-5)
    seen = set(zip(ENTRIES["user"], ENTRIES["item"], strict=True))
    assert not seen & set(zip(written["row"], written["column"], strict=True))


def test_factors_predict_as_written(model, tmp_path):
    from rankfall import cluster

    cluster.write(model, tmp_path / "factors")
    rows, cols = (pd.read_parquet(tmp_path / "factors" / side) for side in ("rows", "columns"))
    named = [name for name in rows if name.startswith("factor_")]
    row, col = rows.iloc[5], cols.iloc[7]
    found = col["origin"] + col["unit"] * (
        col["mean"] + row["effect"] + col["effect"] + (row[named].astype(float) * col[named].astype(float)).sum()
    )
    assert found == pytest.approx(model.set_params(decimals=None).predict([5], [7])[0], rel=1e-5)
    model.set_params(decimals="auto")


def test_only_what_rankfall_wrote_is_replaced(model, tmp_path):
    from rankfall import cluster

    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("three years")
    with pytest.raises(rf.InputError, match="only what rankfall wrote"):
        cluster.write(model, folder)
    assert (folder / "thesis.txt").read_text() == "three years"


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, path: model.complete(),
        lambda model, path: model.save(path / "m.npz"),
        lambda model, path: model.report(path / "r.html"),
        lambda model, path: model.transform(np.full((2, 80), np.nan)),
    ],
    ids=["complete", "save", "report", "transform"],
)
def test_what_needs_the_list_of_entries_is_refused(model, tmp_path, ask):
    with pytest.raises(rf.InputError, match="stay on the workers"):
        ask(model, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (ENTRIES.assign(rating="good"), "values must be numbers"),
        (ENTRIES.assign(rating=np.inf), "values must be finite"),
        (ENTRIES.assign(rating=np.nan), "at least one entry must be known"),
        (ENTRIES.assign(user=ENTRIES["user"] + 0.5), "ids must be whole numbers or words"),
        (ENTRIES.assign(item=ENTRIES["item"].astype("Int64").where(ENTRIES.index != 7)), "must have its ids"),
        (ENTRIES.head(300), "a cluster is for long lists"),
        (ENTRIES.rename(columns={"item": "film"}), "the columns must be there, got 'item'"),
    ],
)
def test_entries_that_cannot_be_fitted(client, entries, sentence):
    from rankfall import cluster

    with pytest.raises(rf.InputError, match=sentence):
        cluster.fit(rf.DeepMatrixFactorization(), partitioned(entries), NAMES)


def test_partitions_of_different_columns_or_types(client, tmp_path):

    ENTRIES.head(2500).to_parquet(tmp_path / "0.parquet")
    for other in (ENTRIES.assign(user="u" + ENTRIES["user"].astype(str)), ENTRIES.rename(columns={"rating": "stars"})):
        other.to_parquet(tmp_path / "1.parquet")
        with pytest.raises(rf.InputError, match=r"one without 'rating'|ids must be of one type"):
            _read_and_fit(str(tmp_path / "*.parquet"))
    ENTRIES.head(2500).to_csv(tmp_path / "0.csv", index=False)
    ENTRIES.rename(columns={"rating": "stars"}).to_csv(tmp_path / "1.csv", index=False)
    with pytest.raises(rf.InputError, match="got one without 'rating', with user, item, stars"):
        _read_and_fit(str(tmp_path / "*.csv"))


def test_columns_of_a_csv_file_may_come_in_another_order(client, tmp_path):
    """Dask keeps the order of each file where it reads all of its columns."""
    from rankfall import cluster
    from rankfall.cluster.entries import ClusterEntries
    from rankfall.cluster.workers import DaskWorkers

    ENTRIES.head(2500).to_csv(tmp_path / "0.csv", index=False)
    ENTRIES.tail(2500)[["item", "rating", "user"]].to_csv(tmp_path / "1.csv", index=False)
    read = ClusterEntries.read(DaskWorkers(client), cluster.read_frame(str(tmp_path / "*.csv"), NAMES))
    users, items = (ENTRIES[name].value_counts().sort_index() for name in ("user", "item"))
    assert read.labels.rows.tolist() == users.index.tolist()
    assert read.labels.row_counts.tolist() == users.tolist()
    assert read.labels.cols.tolist() == items.index.tolist()
    for degrees, counts in zip(read.degrees, (users, items), strict=True):
        assert degrees.tolist() == counts.tolist()


def _read_and_fit(pattern):
    from rankfall import cluster

    cluster.fit(rf.DeepMatrixFactorization(), cluster.read_frame(pattern, NAMES), NAMES)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"loss": "huber"}, "loss must be"),
        ({"scaling": "log"}, "scaling must be"),
        ({"order": "rows"}, "order must be"),
        ({"refine": True}, "refine must be"),
        ({"categorical_features": [0]}, "categorical_features must be"),
    ],
)
def test_parameters_a_cluster_does_not_know(client, parameters, sentence):
    with pytest.raises(rf.InputError, match=sentence):
        rf.DeepMatrixFactorization(**parameters).fit(partitioned(ENTRIES), triplets=NAMES)


def test_a_frame_without_a_client(monkeypatch):
    def no_client():
        raise ValueError("No clients found")

    monkeypatch.setattr("distributed.default_client", no_client)
    with pytest.raises(rf.InputError, match="got no client"):
        rf.DeepMatrixFactorization().fit(partitioned(ENTRIES), triplets=NAMES)


def test_triplets_are_for_dask_frames():
    with pytest.raises(rf.InputError, match="triplets names the columns of a Dask frame"):
        rf.DeepMatrixFactorization().fit(np.eye(3), triplets=NAMES)


def test_dask_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    from rankfall.cluster import require_dask

    with pytest.raises(rf.InputError, match=r'pip install "rankfall\[dask\]"'):
        require_dask()


def test_ctrl_c_is_for_the_caller_alone():
    """A terminal sends it to all processes of a command."""
    from rankfall import cluster

    with cluster.connected() as client:
        numbers = client.run(os.getpid)
        for number in numbers.values():
            os.kill(number, signal.SIGINT)
        client.submit(sum, [1, 2], pure=False).result(timeout=30)
        assert client.run(os.getpid) == numbers
