"""The folder of the page, and a server that hands it to a browser of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from rankfall.errors import InputError

# The page's files: plain modules, no build step.
PAGE = Path(__file__).parent / "page"
_HOST = "127.0.0.1"
_LARGEST_PORT = 2**16 - 1


class _Handler(SimpleHTTPRequestHandler):
    # the registry of a system may call scripts something else, and browsers refuse modules of another type
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".css": "text/css"}

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what a browser asks for is of no interest."""


@contextmanager
def serve(port: int = 0, folder: Path = PAGE) -> Iterator[str]:
    """Serve a folder to this machine as long as the context lasts; gives the address.

    port: a free one is taken for 0. Raises InputError for a port out of range or in use.
    """
    if not 0 <= port <= _LARGEST_PORT:
        raise InputError(f"--port must lie between 0 and {_LARGEST_PORT}, got {port}; 0 takes a free one")
    try:
        server = ThreadingHTTPServer((_HOST, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        raise InputError(
            f"the port must be free, got {port} ({error.strerror}); leave --port out to take a free one"
        ) from None
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
