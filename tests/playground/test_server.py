"""The playground's server: this machine alone, modules with their type, one sentence where it cannot start."""

import re
import urllib.request
import webbrowser

import pytest

from rankfall.errors import InputError
from rankfall.playground import PAGE, serve


def test_every_file_is_served_as_a_browser_wants_it():
    types = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
    with serve() as address:
        assert address.startswith("http://127.0.0.1:")
        for file in PAGE.iterdir():
            with urllib.request.urlopen(address + file.name) as answer:
                assert answer.headers.get_content_type() == types[file.suffix]
                assert answer.read() == file.read_bytes()


def test_the_page_names_no_other_host():
    for file in PAGE.iterdir():
        named = set(re.findall(r"https?://[^\s\"']+", file.read_text()))
        assert named <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("port", [-1, 2**16])
def test_a_port_out_of_range_is_refused(port):
    with pytest.raises(InputError, match=f"--port must lie between 0 and 65535, got {port}"), serve(port):
        pass


def test_a_port_in_use_is_refused():
    with serve() as address:
        port = int(address.rstrip("/").rsplit(":", 1)[1])
        with pytest.raises(InputError, match="the port must be free"):
            serve(port).__enter__()


def test_a_browser_that_is_not_there_is_told_in_a_sentence(monkeypatch):
    from rankfall.cli.playground import playground

    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    with pytest.raises(InputError, match="needs a web browser, found none; use --no-browser"):
        playground()
