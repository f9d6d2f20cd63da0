"""Checkpoints of a fit on a cluster: a folder with a file for each candidate, written every few minutes.

A fit that resumes must be of the same data with the same settings; `FINGERPRINT` says of which.
"""

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rankfall.cluster.entries import ClusterEntries
from rankfall.errors import InputError
from rankfall.estimators.candidate import Candidate
from rankfall.estimators.keeping import Keeper, KeptRun
from rankfall.estimators.settings import FitSettings
from rankfall.files import replacing, write_arrays

FINGERPRINT = "rankfall-checkpoint.json"
# Seconds between two checkpoints.
PERIOD = 180.0


class Checkpoints(Keeper):
    """Checkpoints in a folder.

    Parameters
    ----------
    folder : Path
        Where; created if it is not there.
    entries : ClusterEntries
        Of which data.
    settings : FitSettings
        With which settings.
    resume : bool
        Go on with what is there; otherwise it is replaced.

    Raises
    ------
    InputError
        For a folder that cannot be written or holds something else, and where `resume` finds no checkpoint, or one of
        other data or settings.
    """

    def __init__(self, folder: Path, entries: ClusterEntries, settings: FitSettings, resume: bool) -> None:
        self.folder, self._last = folder, time.monotonic()
        mark = fingerprint(entries, settings)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = [path.name for path in folder.iterdir()]
        except OSError as error:
            raise InputError(
                f"checkpoints need a folder that can be written, {str(folder)!r} is none ({error.strerror}); name "
                "another"
            ) from None
        if resume:
            self._check(mark)
            return
        if there and FINGERPRINT not in there:
            raise InputError(f"checkpoints need a folder of their own, {str(folder)!r} holds other files; name another")
        for name in there:
            if name.startswith("candidate-"):
                (folder / name).unlink()
        with replacing(folder / FINGERPRINT) as temporary:
            temporary.write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")

    def _check(self, mark: dict[str, str]) -> None:
        try:
            found = json.loads((self.folder / FINGERPRINT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InputError(
                f"a fit resumes from its checkpoints, {str(self.folder)!r} has none; leave --resume out to begin"
            ) from None
        for name, value in mark.items():
            if found.get(name) != value:
                raise InputError(
                    f"a fit resumes on the same {name}, the checkpoints in {str(self.folder)!r} are of others; leave "
                    "--resume out to begin anew"
                )

    def kept(self, candidate: Candidate) -> KeptRun | None:
        """What the folder has of a candidate."""
        path = self._path(candidate)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            weights, moment = arrays.pop("run_weights"), arrays.pop("run_moment")
            return KeptRun(weights, float(moment[0]), float(moment[1]), arrays)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(
                f"a checkpoint must be whole, {str(path)!r} is damaged ({type(error).__name__}); remove it to begin "
                "its candidate anew"
            ) from None

    def is_due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._last >= PERIOD

    def keep(self, candidate: Candidate, run: KeptRun) -> None:
        """Write a candidate's file, whole or not at all."""
        arrays = {**run.noted, "run_weights": run.weights, "run_moment": np.array([run.time, run.first_loss])}
        with replacing(self._path(candidate)) as temporary, temporary.open("wb") as file:
            write_arrays(file, arrays)
        self._last = time.monotonic()

    def _path(self, candidate: Candidate) -> Path:
        return self.folder / f"candidate-{_digest(repr(candidate))[:16]}.npz"


def fingerprint(entries: ClusterEntries, settings: FitSettings) -> dict[str, str]:
    """What a checkpoint belongs to."""
    rows, cols = (_digest(np.ascontiguousarray(degrees, np.int64)) for degrees in entries.degrees)
    labels = _digest("\n".join(str(index[k]) for index in (entries.labels.rows, entries.labels.cols) for k in (0, -1)))
    return {"data": f"{entries.shape} {rows} {cols} {labels}", "settings": _digest(repr(asdict(settings)))}


def _digest(value: str | np.ndarray) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value.tobytes()).hexdigest()
