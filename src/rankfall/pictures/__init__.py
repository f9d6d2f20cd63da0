"""One display a picture: data first, drawing second."""

from rankfall.pictures.completion import CompletionPicture

__all__ = ["CompletionPicture"]
