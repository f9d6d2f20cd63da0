"""Reading and writing what users have: tables with holes and triplets, in text, parquet, NumPy and Matrix Market.

`read_table` and `write_table` carry a Table from file to file with its words and layout; `read_triplets`,
`read_pairs` and `write_triplets` do so for entries one a row; `from_frame` and `to_frame` for data frames.
"""

from rankfall.tables.files import TABLE_FORMATS, TRIPLET_FORMATS
from rankfall.tables.frames import from_frame, to_frame
from rankfall.tables.reading import read_table
from rankfall.tables.replacing import check_writable, replacing
from rankfall.tables.table import Layout, Table
from rankfall.tables.triplet_files import Pairs, read_pairs, read_triplets
from rankfall.tables.triplets import Triplets
from rankfall.tables.writing import write_table, write_triplets

__all__ = [
    "TABLE_FORMATS",
    "TRIPLET_FORMATS",
    "Layout",
    "Pairs",
    "Table",
    "Triplets",
    "check_writable",
    "from_frame",
    "read_pairs",
    "read_table",
    "read_triplets",
    "replacing",
    "to_frame",
    "write_table",
    "write_triplets",
]
