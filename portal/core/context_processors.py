"""What every template may use."""

from django.http import HttpRequest

from .shared_pages import frame, visitor_of


def site(request: HttpRequest) -> dict[str, object]:
    """``visitor``, ``site`` (the settings row), ``footer_pages`` and ``site_url``."""
    return frame(visitor_of(request))
