"""A file or folder appears whole or not at all: written beside its place under a temporary name, renamed at the end.

Renaming within a folder is atomic, so a reader sees the old one or the new one. What a killed process leaves behind
carries that process's number in its name, and is removed by whoever writes to the same place next.
"""

import os
import platform
import re
import secrets
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rankfall.errors import InputError

_HOST = f"{zlib.crc32(platform.node().encode()):08x}"
_LONGEST = 120


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside `path` with the same extension, and renames it to `path` at the end.

    After an exception what was at `path` before is untouched, and nothing half-written stays.

    Raises InputError where the folder is missing, nothing can be written there, or the file is write-protected.
    """
    check_place(path)
    # A link stays a link; what it points to is replaced.
    target = Path(os.path.realpath(path))
    clear_debris(target)
    temporary = _temporary(target)
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(
            f"the output must be writable, {str(path)!r} is not ({error.strerror or error}); "
            "check permissions and free space"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays to an open `.npz` file, compressed."""
    # NumPy's own keyword, a flag, stands among the names of the arrays: no checker can tell them apart
    save: Callable[..., None] = np.savez_compressed
    save(file, **arrays)


@contextmanager
def replacing_folder(path: str | os.PathLike[str], is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Yields a new folder beside `path`, and puts it in the place of `path` at the end.

    An older folder at `path` is set aside, and comes back if anything fails or interrupts before the new one is in
    place. It is replaced only where `is_ours` says that we wrote it.

    Raises InputError where the folder around it is missing or not writable, or something else is at `path`.
    """
    path = Path(path)
    clear_debris(path)
    if path.exists() and not is_ours(path):
        raise InputError(f"only what rankfall wrote is replaced, {str(path)!r} is something else; choose another name")
    fresh, aside = _temporary(path), _temporary(path, "old")
    try:
        fresh.mkdir()
        yield fresh
        try:
            if path.exists():
                path.rename(aside)
            fresh.rename(path)
        except BaseException:
            if aside.exists() and not path.exists():
                aside.rename(path)
            raise
    except OSError as error:
        raise InputError(
            f"the output must be writable, {str(path)!r} is not ({error.strerror or error}); "
            "check permissions and free space"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if path.exists():
            shutil.rmtree(aside, ignore_errors=True)


def clear_debris(path: Path) -> None:
    """Removes what processes that were killed while they wrote to `path` left beside it.

    A folder that such a process had set aside comes back if nothing is in its place.
    """
    pattern = re.compile(rf"\.rankfall-{_HOST}-(\d+)-[0-9a-f]{{8}}-(new|old)-{re.escape(path.name[-_LONGEST:])}")
    with suppress(OSError):
        for other in list(path.parent.iterdir()):
            found = pattern.fullmatch(other.name)
            if found is None or _is_running(int(found[1])):
                continue
            if found[2] == "old" and not path.exists():
                other.rename(path)
            elif other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
            else:
                other.unlink()


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuses a path at which no file can be written, before any work.

    The folder must exist and be writable; what is at the path now, if anything, must be a file and writable too.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            kind = "folder" if path.is_dir() else "device"
            raise InputError(f"the output must be a file, {str(path)!r} is a {kind}; name a file")
        if path.exists() and not (path.stat().st_mode & stat.S_IWUSR and os.access(path, os.W_OK)):
            raise InputError(f"a write-protected file is not replaced, {str(path)!r} is one; name another output")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        said = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"the output must have a name that can be written, {_short(path)} is none ({said})") from error
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise InputError(f"the output's folder must exist, {str(path.parent)!r} does not; create it or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the output's folder must be writable, {str(path.parent)!r} is not; name another")


def _temporary(path: Path, kind: str = "new") -> Path:
    # The end of the name keeps the extension; a long name leaves room for what goes before it.
    return path.with_name(f".rankfall-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}-{kind}-{path.name[-_LONGEST:]}")


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _short(path: Path) -> str:
    text = repr(str(path))
    return text if len(text) <= 200 else f"{text[:150]}…{text[-40:]}"
