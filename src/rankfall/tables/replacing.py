"""Where tables are written: the folder and the format, checked before any work."""

from collections.abc import Sequence

from rankfall.files import check_place, replacing
from rankfall.tables.files import FilePath, check_format

__all__ = ["check_writable", "replacing"]


def check_writable(path: FilePath, formats: Sequence[str] | None = None) -> None:
    """Refuses a path that could not be written, and one whose extension is none of `formats`, before any work.

    Parameters
    ----------
    path : str or path
        The file to write.
    formats : sequence of str, optional
        Allowed extensions, such as ".csv"; any by default.

    Raises
    ------
    InputError
        For another extension, a folder that does not exist or is not writable, and a folder, a device or a
        write-protected file at the path.
    """
    if formats is not None:
        check_format(path, tuple(formats))
    check_place(path)
