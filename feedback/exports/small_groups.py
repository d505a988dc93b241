"""Which part of the readers a file may be about: the rule of the results pages."""

from feedback.results import counting
from feedback.results.selection import Selection


def is_large_enough(selection: Selection) -> bool:
    """Whether results show the chosen part of the readers, so that its size is no secret.

    Rows are generalised within the file, but how many there are would say how many people share a
    profession where the results pages do not. (As many queries as ``counting.figures``, none
    without a part of the profile.)
    """
    return selection.dimension is None or counting.figures(selection).is_shown
