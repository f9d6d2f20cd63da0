"""The playground: a page in which the flow runs live in the browser, and a server for it on this machine alone.

Browsers load JavaScript modules from a server, not from disk; `serve` is the smallest that does. Nothing leaves the
machine: the page computes everything itself.
"""

from rankfall.playground.server import PAGE, serve

__all__ = ["PAGE", "serve"]
