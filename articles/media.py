"""Figures' files, behind the gate like the articles that show them."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from portal.attestation.middleware import ask_at_the_gate
from portal.core.doors import teaser

from .images import NAME

YEAR = 365 * 24 * 3600  # seconds
CONTENT_TYPES = {
    "avif": "image/avif",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}


def image_file(name: str) -> FileResponse:
    """Return the stored image. A web server may send it later, by X-Accel-Redirect.

    Which article it belongs to is not asked: names are random, and known only to whoever was
    shown the page.
    """
    # Only what images.py can have written: no path leads anywhere else.
    if not re.fullmatch(NAME, name):
        raise Http404
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(file, content_type=CONTENT_TYPES[name.rpartition(".")[2]])


@require_safe
def media_for_readers(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send an attested reader the file (0 queries)."""
    response = image_file(name)
    # A name never gets another content; but what a shared cache kept would be open to everybody.
    patch_cache_control(response, private=True, max_age=YEAR, immutable=True)
    return response


@require_safe
def media_for_the_desk(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send the file to staff who may see drafts (forms, previews), everybody else to the gate."""
    if request.user.is_staff and request.user.has_perm("articles.view_article"):
        return image_file(name)
    return ask_at_the_gate(request)


media = teaser(media_for_the_desk)(media_for_readers)
