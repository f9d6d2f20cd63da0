"""`rankfall complete --dask`: files in, a folder out, one sentence where that cannot be."""

from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.entries import planted_entries
from tests.helpers.shell import shell

pytestmark = [pytest.mark.dask, pytest.mark.trusted]
ENTRIES = planted_entries((250, 80), 5000)


def test_the_shell_completes_partitioned_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in range(3):
        ENTRIES.iloc[place::3].to_parquet(tmp_path / f"part-{place}.parquet")
    words = [
        "complete",
        "part-*.parquet",
        "--triplets",
        "user,item,rating",
        "--no-features",
        "--width",
        4,
        "--depth",
        2,
    ]
    ended = shell(*words, "--dask")
    assert ended.code == 0, ended.stderr
    assert "5000 entries" in ended.stdout
    assert "dashboard" in ended.stderr
    assert len(pd.read_parquet("factors/rows")) == ENTRIES["user"].nunique()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dask", "-o", "out"], "--dask needs --triplets"),
        (["--triplets", "user,item,rating", "--dask", "-o", "out.csv"], "a folder of parquet files"),
        (["--triplets", "user,item,stars", "--dask", "-o", "out"], "got 'stars'; there are user, item, rating"),
        (["--triplets", "user,item", "--dask", "-o", "out"], "a row, a column and a value"),
        (["--triplets", "user,item,rating", "--dask", "nowhere:1", "-o", "out"], "must answer at the address"),
        (["--triplets", "user,item,rating", "--dask", "-o", "out", "--plot", "p.png"], "--plot is for one machine"),
        (["--resume"], "--resume goes with --dask"),
        (["--block-entries", 1000], "--block-entries goes with --dask"),
    ],
)
def test_the_shell_refuses_in_a_sentence(tmp_path, monkeypatch, words, sentence):
    from rankfall.cluster import connection

    monkeypatch.setattr(connection, "PATIENCE", "1s")
    monkeypatch.chdir(tmp_path)
    ENTRIES.to_parquet("entries.parquet")
    ended = shell("complete", "entries.parquet", *words)
    assert ended.code == 2
    assert sentence in ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("none/*.parquet", "none/*.csv", "none.parquet", "none"):
        ended = shell("complete", name, "--triplets", "a,b,c", "--dask")
        assert ended.code == 2
        assert f"no file matches {name!r}" in ended.stderr


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("ratings/*.parquet", "ratings-factors"),
        ("data/ratings", "data/ratings-factors"),
        ("data/ratings.csv.gz", "data/ratings-factors"),
        ("data/2*/part-*.csv", "data-factors"),
        ("*.parquet", "factors"),
        ("../*.parquet", "../factors"),
        ("s3://bucket/ratings/*.parquet", "ratings-factors"),
    ],
)
def test_where_results_go_by_default(source, folder):
    from rankfall.cli.cluster import default_folder

    assert default_folder(source, "factors") == Path(folder)


@pytest.mark.parametrize(
    "url", ["s3://bucket/ratings/*.parquet", "file:///data/*.csv", "https://host/r.csv", "/data/r.csv"]
)
def test_a_url_keeps_its_slashes(url):
    from rankfall.cli.cluster import whole_url

    assert whole_url(str(Path(url))) == url
