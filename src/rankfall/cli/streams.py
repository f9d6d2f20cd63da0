"""Streams that never end a run: what they cannot show is replaced, and what nobody reads is dropped.

A result is worth more than the line that tells of it. A pipe that was closed, a full disk behind stdout, an encoding
without Greek letters: none of them is an error of the work.
"""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_PLAIN = {
    "×": "x", "…": "...", "−": "-", "≤": "<=", "≥": ">=", "≈": "~", "²": "^2", "±": "+-", "·": "*", "─": "-", "│": "|",
    "━": "-", "σ": "s", "ℓ": "l", "∇": "grad ", "‖": "||", "√": "sqrt", "ᵀ": "^T", "η": "eta", "ρ": "rho", "ε": "eps",
    "⟨": "<", "⟩": ">", "Ẇ": "W'", "\u0307": "'",
}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for signs that an encoding lacks: a few plain letters, or their escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    shown = "".join(_PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in lacking)
    return shown, error.end


codecs.register_error("rankfall-plain", _plain)


class Forgiving(io.TextIOBase):
    """A stream around another, or around none, whose writing never raises."""

    def __init__(self, stream: "TextIO | None") -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The encoding of the stream inside; rich chooses its signs by it."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write and flush, or drop the text where that is impossible; TypeError for bytes, as text streams do."""
        if not isinstance(text, str):
            raise TypeError(f"a stream of text takes text, got {type(text).__name__}")
        if self._stream is None:
            return len(text)
        try:
            try:
                shown = text.encode(self.encoding, "rankfall-plain").decode(self.encoding)
            except LookupError:
                shown = text.encode("ascii", "rankfall-plain").decode()
            self._stream.write(shown)
            self._stream.flush()
        except (OSError, ValueError):
            self._drop()
        return len(text)

    def flush(self) -> None:
        """Nothing: every write is flushed."""

    def isatty(self) -> bool:
        """Whether the stream inside is a terminal."""
        try:
            return self._stream is not None and bool(self._stream.isatty())
        except (OSError, ValueError, AttributeError):
            return False

    def fileno(self) -> int:
        """The number of the file inside. Raises OSError where there is none."""
        if self._stream is None:
            raise OSError("there is no stream")
        return self._stream.fileno()

    def _drop(self) -> None:
        """Let what is still buffered go nowhere, so that the interpreter does not complain of it at exit."""
        inside, self._stream = self._stream, None
        if inside is None:
            return
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, inside.fileno())
            os.close(null)
        except (OSError, ValueError, AttributeError):
            return


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """stdout and stderr are forgiving inside."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (each if isinstance(each, Forgiving) else Forgiving(each) for each in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def occupy_closed_descriptors() -> None:
    """Open the null device where stdin, stdout or stderr is closed: a result must not get the number of one of them.

    What some library prints to descriptor 1 would land in the file that has this number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
