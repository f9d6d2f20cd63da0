"""Lemmas of writing: a file appears whole or not at all, and what cannot be written is known beforehand."""

import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

from rankfall.errors import InputError
from rankfall.tables import TABLE_FORMATS, Table, check_writable, replacing, write_table


def _write_half(target: Path, error: BaseException) -> None:
    with replacing(target) as temporary:
        temporary.write_text("half")
        assert (temporary.parent, temporary.suffix) == (target.parent, ".csv")
        raise error


def test_an_exception_leaves_neither_file(tmp_path):
    target = tmp_path / "out.csv"
    with pytest.raises(RuntimeError):
        _write_half(target, RuntimeError())
    assert os.listdir(tmp_path) == []


def test_an_exception_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _write_half(target, KeyboardInterrupt())
    assert os.listdir(tmp_path) == ["out.csv"]
    assert target.read_text() == "old"


def test_replacing_keeps_permissions_and_links(tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(InputError):
        write_table(Table(np.eye(2), ("a", "a")), tmp_path / "t.parquet")
    assert os.listdir(tmp_path) == []


def test_check_writable(tmp_path):
    check_writable(tmp_path / "out.csv", TABLE_FORMATS)
    with pytest.raises(InputError, match=re.escape(f"{str(tmp_path / 'no')!r} does not; create it")):
        check_writable(tmp_path / "no" / "out.csv")
    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="known are"):
        check_writable(tmp_path / "out.doc", TABLE_FORMATS)
    with pytest.raises(InputError, match="is a device"):
        check_writable(os.devnull)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_refused(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="must be writable"):
        check_writable(folder / "out.csv")


def test_trouble_of_the_disk_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="must be writable"), replacing(tmp_path / "out.csv"):
        raise OSError(28, "No space left on device")
