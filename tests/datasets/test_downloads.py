"""Downloads from a server on this machine: what arrives is whole and verified, or nothing stays."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

import contextlib
import functools
import hashlib
import http.server
import io
import threading
import zipfile

import numpy as np
import pytest

from rankfall.datasets import gas_ethanol, movielens
from rankfall.datasets.cache import cache_folder, fetch_folder
from rankfall.errors import InputError

GAS = "gas+sensor+array+drift+dataset+at+different+concentrations.zip"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and breaks off in the middle of files called broken.zip."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if not self.path.endswith("broken.zip"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"PK only a beginning")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of its own, and no proxy between this test and its server."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RANKFALL_DATA", str(folder))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    return folder


@pytest.fixture
def site(tmp_path):
    """A folder and the address at which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    with serving(folder) as address:
        yield folder, address


@contextlib.contextmanager
def serving(folder):
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pack(path, files: dict[str, str], encoding: str = "utf-8") -> str:
    """Writes a zip archive and returns its checksum."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode(encoding))
    return checksum(path.read_bytes())


def checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def flags(*chosen: int) -> str:
    return "|".join(str(int(k in chosen)) for k in range(3))


ML_100K = {
    "ml-100k/u.data": "1\t1\t5\t100\n1\t2\t3\t101\n2\t1\t4\t90\n3\t9\t1\t95\n",
    "ml-100k/u1.test": "2\t1\t4\t90\n",
    "ml-100k/u.genre": "unknown|0\nAction|1\nDrama|2\n\n",
    "ml-100k/u.item": (
        f"1|Première (1994)|01-Jan-1994||http|{flags(1)}\n"
        f"2|Seven (Se7en) (1995)|01-Jan-1995||http|{flags(1, 2)}\n"
        f"9|unknown||||{flags(0)}\n"
    ),
    "ml-100k/u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n3|23|M|writer|32067\n",
    "ml-100k/README": "no redistribution",
}
ML_1M = {
    "ml-1m/ratings.dat": "1::10::5::978300760\n2::30::4::978300761\n",
    "ml-1m/movies.dat": "10::Star Wars: Episode IV (1977)::Action\n30::Été (1996)::Drama|War\n",
    "ml-1m/users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
}
ML_10M = {
    "ml-10M100K/ratings.dat": "1::122::5::838985046\n1::185::3.5::838983525\n7::122::0.5::868245777\n",
    "ml-10M100K/movies.dat": "122::Boomerang (1992)::Comedy\n185::Net, The (1995)::(no genres listed)\n",
}
ML_20M = {
    "ml-20m/ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n4,29,4.0,1112484676\n",
    "ml-20m/movies.csv": 'movieId,title,genres\n2,"Net, The (1995)",Drama|War\n29,Cité (1995),Drama\n',
}


def test_movielens_100k_is_downloaded_once(site, cache):
    folder, address = site
    known = pack(folder / "ml-100k.zip", ML_100K, "latin-1")
    data = movielens("100k", source=address, checksum=known)
    assert data.shape == (3, 3)
    assert data.users.tolist() == [0, 0, 1, 2]
    assert data.items.tolist() == [0, 1, 0, 2]
    assert data.ratings.tolist() == [5, 3, 4, 1]
    assert data.timestamps.tolist() == [100, 101, 90, 95]
    assert data.item_labels.tolist() == [1, 2, 9]
    assert data.item_titles == ("Première (1994)", "Seven (Se7en) (1995)", "unknown")
    assert data.item_features.names == ("year", "Action", "Drama", "unknown")
    assert np.array_equal(
        data.item_features.values,
        [[1994, 1, 0, 0], [1995, 1, 1, 0], [np.nan, 0, 0, 1]],
        equal_nan=True,
    )
    assert data.user_features.column("gender=F").tolist() == [0, 1, 0]
    base, test = data.fold(1)
    assert (len(base), len(test)) == (3, 1)
    assert test.timestamps.tolist() == [90]

    (folder / "ml-100k.zip").unlink()
    again = movielens("100k", source=address, checksum=known)
    assert np.array_equal(again.ratings, data.ratings)
    assert [path.name for path in cache.iterdir()] == [f"ml-100k-{known[7:19]}"]
    unpacked = next(cache.iterdir())
    assert (unpacked / "ml-100k" / "README").read_text() == "no redistribution"
    assert len(movielens("100k", unpacked)) == 4


def test_movielens_other_layouts(site, cache):
    folder, address = site
    known = pack(folder / "ml-1m.zip", ML_1M, "latin-1")
    data = movielens("1m", source=address + "/", checksum=known)
    assert data.ratings.tolist() == [5, 4]
    assert data.timestamps[1] == 978300761
    assert data.item_titles == ("Star Wars: Episode IV (1977)", "Été (1996)")
    assert data.user_features.column("occupation=self-employed").tolist() == [0, 1]

    data = movielens("10m", source=address, checksum=pack(folder / "ml-10m.zip", ML_10M))
    assert data.shape == (2, 2)
    assert data.ratings.tolist() == [5, 3.5, 0.5]
    assert data.item_features.names == ("year", "Comedy")
    assert data.user_features is None

    data = movielens("20m", source=address, checksum=pack(folder / "ml-20m.zip", ML_20M))
    assert data.user_labels.tolist() == [1, 4]
    assert data.ratings.tolist() == [3.5, 4.0]
    assert data.item_titles == ("Net, The (1995)", "Cité (1995)")
    assert data.item_features.column("War").tolist() == [1, 0]


def test_half_star_ratings_late_in_the_file(site, cache):
    """A type guessed from the first lines would take the ratings for integers."""
    folder, address = site
    lines = "".join(f"{user}::1::4::0\n" for user in range(1, 5000)) + "5000::1::3.5::0\n"
    known = pack(folder / "ml-10m.zip", {"ml-10M100K/ratings.dat": lines})
    data = movielens("10m", source=address, checksum=known)
    assert data.ratings[-1] == 3.5
    assert data.item_titles is None


def measurement(gas: int, concentration: float, values: np.ndarray) -> str:
    pairs = " ".join(f"{k}:{value:.6f}" for k, value in enumerate(values, start=1))
    return f"{gas};{concentration:.6f} {pairs} \n"


def test_gas_ethanol_reads_the_publishers_batches(site, cache):
    folder, address = site
    raw = np.random.default_rng(0).normal(100.0, 50.0, (4, 128)).round(6)
    batches = {
        "batch10.dat": measurement(1, 2.5, raw[2]),
        "batch2.dat": measurement(1, 50, raw[0]) + measurement(2, 7, raw[3]) + measurement(1, 600, raw[1]),
    }
    known = pack(folder / GAS, batches)
    data = gas_ethanol(source=address, checksum=known)
    assert data.y.tolist() == [50, 600, 2.5]
    assert data.batch.tolist() == [2, 2, 10]
    assert np.allclose(data.X + data.column_mean, raw[:3], rtol=0, atol=1e-9)
    assert np.abs(data.X.mean(axis=0)).max() < 1e-9


@pytest.mark.parametrize("line", ["1;5.0 1:2.0\n", "1;five " + "1:0 " * 128, "1 1:2\n1;3 x\n"])
def test_gas_ethanol_names_a_malformed_line(tmp_path, line):
    (tmp_path / "batch3.dat").write_text(line)
    with pytest.raises(InputError, match=r"a measurement must read .* in batch3\.dat, line"):
        gas_ethanol(tmp_path)


def test_gas_ethanol_without_ethanol(tmp_path):
    (tmp_path / "batch1.dat").write_text(measurement(4, 5.0, np.ones(128)))
    with pytest.raises(InputError, match=r"must hold ethanol \(gas 1\)"):
        gas_ethanol(tmp_path)


def leftovers(cache) -> list:
    return list(cache.iterdir()) if cache.is_dir() else []


def test_a_wrong_checksum_leaves_nothing(site, cache):
    folder, address = site
    pack(folder / "ml-100k.zip", ML_100K, "latin-1")
    with pytest.raises(InputError, match="must have checksum sha256:50d2a98"):
        movielens("100k", source=address)
    assert not leftovers(cache)


def test_no_server_leaves_nothing(tmp_path, cache):
    with serving(tmp_path) as address:
        pass
    with pytest.raises(InputError, match=r"must be downloaded once .* check the network"):
        movielens("1m", source=address)
    assert not leftovers(cache)


def test_a_missing_file_says_its_status(site, cache):
    with pytest.raises(InputError, match="got status 404"):
        gas_ethanol(source=site[1])
    assert not leftovers(cache)


def test_a_broken_connection_leaves_nothing(site, cache):
    with pytest.raises(InputError, match="got no complete answer"):
        fetch_folder("broken", f"{site[1]}/broken.zip", checksum(b"whole"))
    assert not leftovers(cache)


def test_two_at_once_end_with_one_folder(site, cache, monkeypatch):
    """Another process that settles the same archive first is no failure."""
    folder, address = site
    known = pack(folder / "ml-1m.zip", ML_1M, "latin-1")
    place = cache / f"ml-1m-{known[7:19]}"
    extract = zipfile.ZipFile.extractall

    def race(archive, target):
        extract(archive, place)
        extract(archive, target)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", race)
    assert fetch_folder("ml-1m", f"{address}/ml-1m.zip", known) == place
    assert leftovers(cache) == [place]


def test_something_else_than_an_archive_leaves_nothing(site, cache):
    folder, address = site
    (folder / "page.zip").write_bytes(b"<html>sign in</html>")
    with pytest.raises(InputError, match="must be a zip archive"):
        fetch_folder("page", f"{address}/page.zip", checksum(b"<html>sign in</html>"))
    assert not leftovers(cache)


def test_archives_cannot_write_outside(site, cache):
    folder, address = site
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../escaped.txt", "x")
    (folder / "sly.zip").write_bytes(stream.getvalue())
    unpacked = fetch_folder("sly", f"{address}/sly.zip", checksum(stream.getvalue()))
    assert [path.name for path in unpacked.rglob("*.txt")] == ["escaped.txt"]
    assert not list(cache.parent.glob("escaped.txt"))


def test_a_cache_that_cannot_be_written(site, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RANKFALL_DATA", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set RANKFALL_DATA to a folder with room"):
        fetch_folder("any", f"{site[1]}/any.zip", checksum(b""))


def test_addresses_and_checksums_are_checked_first(cache):
    with pytest.raises(InputError, match="must be an http or https address"):
        movielens("1m", source="ftp://127.0.0.1")
    with pytest.raises(InputError, match="checksum must read"):
        movielens("1m", source="http://127.0.0.1:1", checksum="1234")


def test_cache_folder_without_the_variable(monkeypatch):
    monkeypatch.delenv("RANKFALL_DATA", raising=False)
    assert cache_folder().name == "rankfall"
