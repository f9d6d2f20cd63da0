"""`rankfall playground`: the flow live in a browser of this machine."""

from typing import Annotated

import typer

from rankfall.errors import InputError

EXIT_CODES = "Exit codes: 0 done (Ctrl-C ends it); 2 no browser, or the port is in use."


def playground(
    port: Annotated[int, typer.Option(help="Port of the local server; 0 takes a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser, or only print its address.")
    ] = True,
) -> None:
    """Open a page in which deep matrix factorization runs live.

    Choose a matrix, the depth and the start, and watch singular values rise
    one by one. The page is served to this machine alone until Ctrl-C.
    """
    import time
    import webbrowser

    from rankfall.playground import serve

    with serve(port) as address:
        if browser and not webbrowser.open(address):
            raise InputError(
                "the playground needs a web browser, found none; use --no-browser and open the printed address yourself"
            )
        print(f"{address}  (Ctrl-C ends)", flush=True)
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return
