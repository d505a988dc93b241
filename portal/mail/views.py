"""What machines ask of the outbox."""

from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.doors import public

from .metrics import CONTENT_TYPE, measure, prometheus_text


@public
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the outbox's figures to who brings METRICS_TOKEN; no session, nothing personal."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(
            status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Bearer realm="metrics"'}
        )
    return HttpResponse(prometheus_text(measure()), content_type=CONTENT_TYPE)
