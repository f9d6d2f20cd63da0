"""Spreadsheets in the open document format are read as those of other programs, and filled into another format."""

import zipfile

import numpy as np
import pytest

from rankfall.errors import InputError
from rankfall.tables import read_table, write_table

ROWS = [["who", "height", "score"], ["Ann", 161.5, 3], ["Bob", None, 5.25], ["Cyd", 172, None], ["Dan", 180.25, 8]]
NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
    'manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def cell(value: str | float | None) -> str:
    if value is None:
        return "<table:table-cell/>"
    kind = (
        'office:value-type="string"' if isinstance(value, str) else f'office:value-type="float" office:value="{value}"'
    )
    return f"<table:table-cell {kind}><text:p>{value}</text:p></table:table-cell>"


@pytest.fixture
def sheet(tmp_path):
    rows = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in ROWS)
    content = (
        f'<office:document-content {NAMESPACES} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Sheet1">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("content.xml", content)
        file.writestr("META-INF/manifest.xml", MANIFEST)
    return path


def test_a_sheet_is_read_and_filled_elsewhere(sheet, tmp_path):
    table = read_table(sheet)
    assert table.column_names == ("height", "score")
    np.testing.assert_array_equal(table.values, [[161.5, 3], [np.nan, 5.25], [172, np.nan], [180.25, 8]])
    write_table(table.with_values(np.nan_to_num(table.values, nan=7.5)), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[2] == "Bob,7.5,5.25"


def test_it_is_not_written(sheet, tmp_path):
    table = read_table(sheet)
    with pytest.raises(InputError, match=r"the extension must name a known format, got '.ods'"):
        write_table(table, tmp_path / "out.ods")
