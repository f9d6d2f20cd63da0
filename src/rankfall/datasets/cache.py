"""Downloads: an archive arrives whole and verified, or nothing is left behind.

An archive is fetched with pooch into a scratch folder, checked against its known checksum, unpacked
there, and only then moved to its place with one rename. A folder that exists is therefore complete,
and is used without the network.
"""

import os
import re
import tempfile
import zipfile
from pathlib import Path

from rankfall.errors import InputError


def cache_folder() -> Path:
    """Where downloads are kept: the environment's RANKFALL_DATA, else the system's cache folder."""
    chosen = os.environ.get("RANKFALL_DATA")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("rankfall"))


def fetch_folder(name: str, url: str, checksum: str) -> Path:
    """The folder with an archive's unpacked files, downloaded on first use.

    Parameters
    ----------
    name
        of the folder in the cache; the start of the checksum is appended, so that versions do
        not mix.
    url
        http or https address of a zip archive.
    checksum
        "sha256:…" or "md5:…" of the archive.

    Raises
    ------
    InputError
        when the address or checksum is malformed, the server is out of reach, the
        archive is not the one expected, or the cache cannot be written. Nothing is left in the
        cache then.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"source must be an http or https address, got {url}; for a folder use data=")
    if not re.fullmatch(r"(sha256|md5):[0-9a-f]{32,64}", checksum):
        raise InputError(f"checksum must read sha256:… or md5:… in hexadecimal, got {checksum}")
    folder = cache_folder() / f"{name}-{checksum.partition(':')[2][:12]}"
    if folder.is_dir():
        return folder
    import pooch
    import requests

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}-part-") as scratch:
            archive = pooch.retrieve(url, known_hash=checksum, path=scratch, fname="archive.zip")
            unpacked = Path(scratch, "unpacked")
            with zipfile.ZipFile(archive) as files:
                files.extractall(unpacked)
            _settle(unpacked, folder)
    except requests.exceptions.RequestException as failure:
        raise InputError(
            f"{name} must be downloaded once from {url}, got {_reason(failure)}; check the "
            "network, or unpack the archive yourself and pass data= its folder"
        ) from failure
    except zipfile.BadZipFile as failure:
        raise InputError(
            f"{url} must be a zip archive, got something else ({failure}); check source and checksum"
        ) from failure
    except ValueError as failure:
        raise InputError(
            f"the archive from {url} must have checksum {checksum}, got another one; it was "
            "discarded: try again, or pass data= a folder you trust"
        ) from failure
    except OSError as failure:
        raise InputError(
            f"downloads must be written to {folder.parent}, got {failure.strerror or failure}; set "
            "RANKFALL_DATA to a folder with room"
        ) from failure
    return folder


def _settle(unpacked: Path, folder: Path) -> None:
    """One rename; if another process was faster, its folder has the same verified content."""
    try:
        unpacked.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _reason(failure: Exception) -> str:
    import requests

    if isinstance(failure, requests.RequestException) and failure.response is not None:
        return f"status {failure.response.status_code}"
    return f"no complete answer ({type(failure).__name__})"
