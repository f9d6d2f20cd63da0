"""A file appears whole or not at all: written beside its place under a temporary name, renamed at the very end.

Renaming within a folder is atomic, so a reader sees the old file or the new one; an interrupted run leaves the old.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rankfall.errors import InputError
from rankfall.tables.files import FilePath, check_format


@contextmanager
def replacing(path: FilePath) -> Iterator[Path]:
    """Yields a temporary path beside `path` with the same extension, and renames it to `path` at the end.

    After an exception what was at `path` before is untouched, and nothing half-written stays.

    Raises InputError where the folder is missing or nothing can be written there.
    """
    check_writable(path)
    # A link stays a link; what it points to is replaced.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{secrets.token_hex(4)}-{target.name}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(
            f"the output must be writable, {str(path)!r} is not ({error.strerror or error}); "
            "check permissions and free space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: FilePath, formats: Sequence[str] | None = None) -> None:
    """Refuses a path that could not be written, and one whose extension is none of `formats`, before any work.

    The folder must exist and be writable, and what is at the path now, if anything, must be a file.
    """
    path = Path(path)
    if formats is not None:
        check_format(path, tuple(formats))
    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "device"
        raise InputError(f"the output must be a file, {str(path)!r} is a {kind}; name a file")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise InputError(f"the output's folder must exist, {str(path.parent)!r} does not; create it or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the output's folder must be writable, {str(path.parent)!r} is not; name another")
