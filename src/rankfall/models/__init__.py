"""Models: how W is written, hence how it moves; and the starts they move from."""

from rankfall.models.chain import Chain
from rankfall.models.compressed_start import compressed
from rankfall.models.diagonal import Diagonal
from rankfall.models.end_to_end import EndToEnd
from rankfall.models.features import Features, observed_features
from rankfall.models.lifted import Lifted
from rankfall.models.model import Model
from rankfall.models.residual_start import Residual
from rankfall.models.start import LayerForm, Start
from rankfall.models.starts import Balanced, FromLayers, Gaussian, Identity, Orthogonal, Spectral, Uniform
from rankfall.models.symmetric import Symmetric

__all__ = [
    "Balanced",
    "Chain",
    "Diagonal",
    "EndToEnd",
    "Features",
    "FromLayers",
    "Gaussian",
    "Identity",
    "LayerForm",
    "Lifted",
    "Model",
    "Orthogonal",
    "Residual",
    "Spectral",
    "Start",
    "Symmetric",
    "Uniform",
    "compressed",
    "observed_features",
]
