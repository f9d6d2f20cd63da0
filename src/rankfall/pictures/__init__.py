"""One display a picture: data first, drawing second."""

from rankfall.pictures.animation import Animation
from rankfall.pictures.comparison import ComparisonPicture
from rankfall.pictures.completion import CompletionPicture
from rankfall.pictures.matrices import LayersPicture, ResidualPicture
from rankfall.pictures.network import NetworkPicture
from rankfall.pictures.panels import PanelsPicture
from rankfall.pictures.path import AlignmentPicture, ErrorsPicture, ImbalancePicture, RankPicture
from rankfall.pictures.phase import PhasePicture, nuclear_norm_transition
from rankfall.pictures.picture import Picture
from rankfall.pictures.quality import ColumnErrorsPicture, CoveragePicture
from rankfall.pictures.singular_values import SingularValuesPicture, SpectraPicture

__all__ = [
    "AlignmentPicture",
    "Animation",
    "ColumnErrorsPicture",
    "ComparisonPicture",
    "CompletionPicture",
    "CoveragePicture",
    "ErrorsPicture",
    "ImbalancePicture",
    "LayersPicture",
    "NetworkPicture",
    "PanelsPicture",
    "PhasePicture",
    "Picture",
    "RankPicture",
    "ResidualPicture",
    "SingularValuesPicture",
    "SpectraPicture",
    "nuclear_norm_transition",
]
