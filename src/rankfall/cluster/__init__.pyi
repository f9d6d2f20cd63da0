from .answers import (
    predict as predict,
    recommend as recommend,
    write as write,
    write_predictions as write_predictions,
)
from .connection import connected as connected, require_dask as require_dask
from .frames import fit as fit, read_frame as read_frame
