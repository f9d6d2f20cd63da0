"""Models: how W is written, hence how it moves; and the starts they move from."""

from rankfall.models.chain import Chain
from rankfall.models.starts import Balanced, Gaussian, Given, Identity, Orthogonal, Spectral, Uniform

__all__ = ["Balanced", "Chain", "Gaussian", "Given", "Identity", "Orthogonal", "Spectral", "Uniform"]
