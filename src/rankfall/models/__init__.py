"""Models: how W is written, hence how it moves; and the starts they move from."""

from rankfall.models.chain import Chain
from rankfall.models.compressed_start import compressed
from rankfall.models.cp import CP
from rankfall.models.diagonal import Diagonal
from rankfall.models.end_to_end import EndToEnd
from rankfall.models.features import Features, observed_features
from rankfall.models.lifted import Lifted
from rankfall.models.model import Model
from rankfall.models.residual_start import Residual
from rankfall.models.start import LayerForm, Start
from rankfall.models.starts import Balanced, FromLayers, Gaussian, Identity, Orthogonal, Spectral, Uniform
from rankfall.models.symmetric import Symmetric
from rankfall.models.tensor_model import TensorModel
from rankfall.models.tensor_starts import BalancedComponents, Subspaces
from rankfall.models.train import Train
from rankfall.models.tree import Tree

__all__ = [
    "CP",
    "Balanced",
    "BalancedComponents",
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
    "Subspaces",
    "Symmetric",
    "TensorModel",
    "Train",
    "Tree",
    "Uniform",
    "compressed",
    "observed_features",
]
