"""Compiled loops over the observed entries."""

from rankfall.kernels.observed import Entries

__all__ = ["Entries"]
