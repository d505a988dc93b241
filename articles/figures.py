"""A figure of a published document as its page shows it."""

from dataclasses import dataclass

from django.core.files.storage import default_storage

from .documents import Figure


@dataclass(frozen=True, slots=True)
class PageFigure:
    number: int
    original: str  # address of the image as it was uploaded
    width: int
    height: int
    sources: list[tuple[str, str]]  # media type, srcset
    alt: str
    credit: str
    licence: str


def page_figure(figure: Figure, number: int) -> PageFigure:
    """Return ``figure`` as the template shows it: the ``number``-th of its article."""
    return PageFigure(
        number=number,
        original=default_storage.url(figure["original"]),
        width=figure["width"],
        height=figure["height"],
        sources=[
            (
                media_type,
                ", ".join(
                    f"{default_storage.url(file['name'])} {file['width']}w" for file in files
                ),
            )
            for media_type, files in figure["variants"].items()
        ],
        alt=figure["alt"],
        credit=figure["credit"],
        licence=figure["licence"],
    )
