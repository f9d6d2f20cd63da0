"""Compressed files: gzip, bzip2, xz, Zstandard, and a zip archive of one file, by the ending of the name.

Packing gives the same bytes on any day: no time of writing is stored.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

from rankfall.errors import InputError

PACKINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
_DAMAGE = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


def unpack(data: bytes, path: Path) -> bytes:
    """The bytes inside, where the name ends in one of `PACKINGS`; otherwise the bytes themselves.

    Raises InputError where the data is damaged, encrypted, or an archive of several files.
    """
    ending = path.suffix.lower()
    if ending not in PACKINGS:
        return data
    try:
        if ending == ".gz":
            return gzip.decompress(data)
        if ending == ".bz2":
            return bz2.decompress(data)
        if ending == ".xz":
            return lzma.decompress(data)
        if ending == ".zst":
            return _unpack_zst(data)
        return _unpack_zip(data, path)
    except InputError:
        raise
    except (*_DAMAGE, NotImplementedError) as error:
        kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard", ".zip": "zip"}[ending]
        raise InputError(
            f"a {ending} file must hold complete {kind} data, {str(path)!r} does not ({error}); "
            f"fetch it again, or drop {ending} from its name if it is not compressed"
        ) from error


def pack(data: bytes, path: Path, member: str) -> bytes:
    """The bytes packed as the name's ending says; `member` names the file inside an archive."""
    ending = path.suffix.lower()
    if ending == ".gz":
        return gzip.compress(data, mtime=0)
    if ending == ".bz2":
        return bz2.compress(data)
    if ending == ".xz":
        return lzma.compress(data)
    if ending == ".zst":
        import zstandard

        return zstandard.ZstdCompressor().compress(data)
    if ending == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
        return packed.getvalue()
    return data


def _unpack_zst(data: bytes) -> bytes:
    import zstandard

    try:
        found = b""
        while data:
            frame = zstandard.ZstdDecompressor().decompressobj()
            found += frame.decompress(data)
            if not frame.eof:
                raise ValueError("it ends too early")
            data = frame.unused_data
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    return found


def _unpack_zip(data: bytes, path: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # What macOS and folders add to an archive is no file of the user's.
        names = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX/")]
        if len(names) != 1:
            found = ", ".join(names[:5]) or "nothing"
            raise InputError(
                f"a zip archive must hold one file, {str(path)!r} holds {found}; unpack it and name the file to read"
            )
        return archive.read(names[0])
