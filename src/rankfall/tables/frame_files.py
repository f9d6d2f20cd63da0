"""Parquet and Arrow files as tables: what pandas noted beside the columns says which of them are an index."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rankfall.tables.cells import Parsed
from rankfall.tables.detection import find_columns, is_index
from rankfall.tables.files import FilePath, read_frame, read_frame_metadata
from rankfall.tables.frames import from_frame
from rankfall.tables.identifiers import identifier_places
from rankfall.tables.options import Notes, Reading
from rankfall.tables.table import Table


def read_frame_table(
    path: FilePath, label_columns: Sequence[str | int] | None, reading: Reading, notes: Notes
) -> Table:  # fmt: skip
    """The table in a parquet or Arrow file; label columns are detected where none are named."""
    frame = read_frame(path)
    asked = None
    if label_columns is not None:
        places = find_columns(label_columns, frame.columns, frame.width)
        asked = [frame.columns[place] for place in places]
    metadata = read_frame_metadata(path)
    table = from_frame(frame, asked, reading, notes)
    found = [] if asked is not None else _identifiers(table, _index_names(metadata))
    if found and len(found) < table.shape[1]:
        warned = [note for note in notes.taken if note.is_warning]
        notes.taken.clear()
        table = from_frame(frame, [*found, *(table.row_labels or {})], reading, notes)
        notes.taken.extend(warned)
    if table.row_labels:
        notes.decide(f"{', '.join(map(repr, table.row_labels))} carried along as labels", "--labels")
    return replace(table, layout=replace(table.layout, metadata=metadata or None))


def _identifiers(table: Table, index: list[str]) -> list[str]:
    """Names of the columns of numbers that name the rows: pandas' index, ids, and an index in front."""
    names = list(table.column_names or ())
    places = identifier_places(names, Parsed(table.values, np.zeros(table.shape, dtype=bool)))
    if 0 not in table.label_positions and is_index(names[0], table.values[:, 0]):
        places.append(0)
    return [name for place, name in enumerate(names) if place in places or name in index]


def _index_names(metadata: dict[str, str]) -> list[str]:
    columns = json.loads(metadata.get("pandas", "{}")).get("index_columns", [])
    return [one for one in columns if isinstance(one, str)]
