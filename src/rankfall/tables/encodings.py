"""Which encoding the bytes of a text have, and the text as UTF-8."""

import codecs
import re

from rankfall.errors import InputError
from rankfall.tables.files import FilePath
from rankfall.tables.options import Notes, Reading


def as_utf8(path: FilePath, data: bytes, reading: Reading, notes: Notes) -> tuple[bytes, str, bool]:
    encoding = reading.encoding
    if encoding is None:
        encoding = _encoding_of(data)
        if encoding != "utf-8":
            notes.decide(f"text encoded in {encoding}", "--encoding")
    marks = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    mark = next((one for one in marks if data.startswith(one)), b"")
    if mark:
        encoding, data = marks[mark], data[len(mark) :]
    if codecs.lookup(encoding).name == "utf-8":
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"text must be UTF-8, {str(path)!r} is not ({_undecodable(data)}); save it as UTF-8, "
                "or name its --encoding"
            ) from error
        return data, "utf-8", bool(mark)
    try:
        return data.decode(encoding).encode(), encoding, bool(mark)
    except UnicodeError as error:
        raise InputError(
            f"text must be in the encoding {encoding}, {str(path)!r} is not ({error}); name its --encoding, "
            "or save it as UTF-8"
        ) from error


def _encoding_of(data: bytes) -> str:
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return name
    head = data[:2000]
    # Every other byte of western text in UTF-16 is zero.
    if len(head) >= 4 and head[1::2].count(0) > len(head) // 3 and head[::2].count(0) == 0:
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > len(head) // 3 and head[1::2].count(0) == 0:
        return "utf-16-be"
    try:
        data.decode()
        return "utf-8"
    except UnicodeDecodeError:
        # Control characters are in binary data, hardly in text of one byte a sign.
        is_text = b"\0" not in data and not re.search(rb"[\x01-\x08\x0e-\x1f\x81\x8d\x8f\x90\x9d]", data[:65536])
        return "cp1252" if is_text else "utf-8"


def _undecodable(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{data[error.start]:02x} in line {data.count(bytes([10]), 0, error.start) + 1}"
    return "bytes that are no UTF-8"
