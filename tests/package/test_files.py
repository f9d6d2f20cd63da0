"""Writing is all or nothing: whatever fails or interrupts, the old file or folder is there, or the new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rankfall.errors import InputError
from rankfall.files import _HOST, clear_debris, replacing, replacing_folder


def write_folder(path: Path, text: str) -> None:
    with replacing_folder(path, lambda folder: (folder / "mark").exists()) as fresh:
        (fresh / "mark").write_text(text)


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_the_old_folder_survives_an_interrupt_at_each_rename(tmp_path, monkeypatch, failing, error):
    write_folder(tmp_path / "run", "old")
    rename, calls = Path.rename, []

    def interrupted(path, target):
        calls.append(path)
        if len(calls) == failing:
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((KeyboardInterrupt, InputError)):
        write_folder(tmp_path / "run", "new")
    assert (tmp_path / "run" / "mark").read_text() == "old"
    assert os.listdir(tmp_path) == ["run"]


def test_only_a_folder_with_our_mark_is_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "zarr.json").write_text("{}")
    with pytest.raises(InputError, match="is something else"):
        write_folder(tmp_path / "run", "new")
    assert os.listdir(tmp_path / "run") == ["zarr.json"]


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_debris_of_a_killed_process_is_removed_and_what_it_set_aside_comes_back(tmp_path):
    for kind in ("new", "old"):
        folder = tmp_path / f".rankfall-{_HOST}-{dead_process()}-0123abcd-{kind}-run"
        folder.mkdir()
        (folder / "mark").write_text(kind)
    clear_debris(tmp_path / "run")
    assert (tmp_path / "run" / "mark").read_text() == "old"
    assert os.listdir(tmp_path) == ["run"]
    living = tmp_path / f".rankfall-{_HOST}-{os.getppid()}-0123abcd-new-t.csv"
    living.write_text("of another process that is still at it")
    with replacing(tmp_path / "t.csv") as temporary:
        temporary.write_text("done")
    assert sorted(os.listdir(tmp_path)) == sorted([living.name, "run", "t.csv"])


def test_a_write_protected_file_and_an_endless_name_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("old")
    (tmp_path / "t.csv").chmod(0o444)
    with pytest.raises(InputError, match="write-protected"), replacing(tmp_path / "t.csv"):
        pass
    with pytest.raises(InputError, match="is none"), replacing(tmp_path / ("x" * 5000)):
        pass
    with replacing(tmp_path / ("x" * 250)) as temporary:
        temporary.write_text("a name as long as names may be")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(InputError, match="No space left"),
        replacing(tmp_path / "t.csv"),
        open("/dev/full", "w") as full,
    ):
        full.write("x" * 100_000)
    assert os.listdir(tmp_path) == []
