"""Models: how W is written, hence how it moves; and the starts they move from."""

from rankfall.models.chain import Chain
from rankfall.models.compressed_start import compressed
from rankfall.models.diagonal import Diagonal
from rankfall.models.end_to_end import EndToEnd
from rankfall.models.residual_start import Residual
from rankfall.models.starts import Balanced, Gaussian, Given, Identity, Orthogonal, Spectral, Uniform
from rankfall.models.symmetric import Symmetric

__all__ = [
    "Balanced",
    "Chain",
    "Diagonal",
    "EndToEnd",
    "Gaussian",
    "Given",
    "Identity",
    "Orthogonal",
    "Residual",
    "Spectral",
    "Symmetric",
    "Uniform",
    "compressed",
]
