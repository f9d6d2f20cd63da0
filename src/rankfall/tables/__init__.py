"""Reading and writing what users have: tables with holes and triplets, in text, parquet, NumPy and Matrix Market.

`read_table` and `write_table` carry a Table from file to file with its words and layout; `read_triplets`,
`read_pairs` and `write_triplets` do so for entries one a row; `from_frame` and `to_frame` for data frames.
"""

from rankfall.tables.files import READ_FORMATS, TABLE_FORMATS, TRIPLET_FORMATS
from rankfall.tables.frames import from_frame, to_frame
from rankfall.tables.options import Note, Reading, codes_of
from rankfall.tables.pair_files import Pairs, read_pairs
from rankfall.tables.reading import read_table
from rankfall.tables.replacing import check_writable, replacing
from rankfall.tables.rounding import digits_of, rounded
from rankfall.tables.table import Layout, Table
from rankfall.tables.triplet_files import read_triplets
from rankfall.tables.triplets import Triplets
from rankfall.tables.writing import write_table, write_triplets

__all__ = [
    "READ_FORMATS",
    "TABLE_FORMATS",
    "TRIPLET_FORMATS",
    "Layout",
    "Note",
    "Pairs",
    "Reading",
    "Table",
    "Triplets",
    "check_writable",
    "codes_of",
    "digits_of",
    "from_frame",
    "read_pairs",
    "read_table",
    "read_triplets",
    "replacing",
    "rounded",
    "to_frame",
    "write_table",
    "write_triplets",
]
