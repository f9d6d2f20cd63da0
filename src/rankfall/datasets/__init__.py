"""Data to complete: planted matrices and masks drawn from a seed, small real tables, rating and
sensor collections.

Everything planted is a pure function of its seed. Real data come from packages already installed
(photographs and tables of scikit-learn), from a folder the user names, or from the publisher's own
server, verified by checksum.
"""

from rankfall.datasets.gas import GasSensors, gas_ethanol
from rankfall.datasets.masks import at_least_one_each, power_law_entries, uniform_entries
from rankfall.datasets.movielens import movielens
from rankfall.datasets.planted import coherence_of, planted
from rankfall.datasets.planted_ratings import planted_ratings
from rankfall.datasets.ratings import Features, Ratings
from rankfall.datasets.samples import Sample, diabetes, digits, hide, photograph, wine

__all__ = [
    "Features",
    "GasSensors",
    "Ratings",
    "Sample",
    "at_least_one_each",
    "coherence_of",
    "diabetes",
    "digits",
    "gas_ethanol",
    "hide",
    "movielens",
    "photograph",
    "planted",
    "planted_ratings",
    "power_law_entries",
    "uniform_entries",
    "wine",
]
