"""One display a picture: data first, drawing second."""

from rankfall.pictures.comparison import ComparisonPicture
from rankfall.pictures.completion import CompletionPicture
from rankfall.pictures.panels import PanelsPicture
from rankfall.pictures.trajectory import SingularValuesPicture

__all__ = ["ComparisonPicture", "CompletionPicture", "PanelsPicture", "SingularValuesPicture"]
