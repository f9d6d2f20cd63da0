from .animation import Animation as Animation
from .comparison import ComparisonPicture as ComparisonPicture
from .completion import CompletionPicture as CompletionPicture
from .matrices import LayersPicture as LayersPicture, ResidualPicture as ResidualPicture
from .network import NetworkPicture as NetworkPicture
from .panels import PanelsPicture as PanelsPicture
from .path import (
    AlignmentPicture as AlignmentPicture,
    ErrorsPicture as ErrorsPicture,
    ImbalancePicture as ImbalancePicture,
    RankPicture as RankPicture,
)
from .phase import PhasePicture as PhasePicture, nuclear_norm_transition as nuclear_norm_transition
from .picture import Picture as Picture
from .quality import ColumnErrorsPicture as ColumnErrorsPicture, CoveragePicture as CoveragePicture
from .singular_values import SingularValuesPicture as SingularValuesPicture, SpectraPicture as SpectraPicture
