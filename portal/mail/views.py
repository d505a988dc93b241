"""What machines ask and tell: the outbox's figures, and a provider's reports."""

import json
from http import HTTPStatus
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailWebhookValidationFailure
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.doors import public

from .metrics import CONTENT_TYPE, measure, prometheus_text

# Reports have about 1 KB; with the whole message that came back in them they have more.
MAX_REPORT_SIZE = 1024 * 1024  # bytes


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


class PostmarkReports(PostmarkTrackingWebhookView):  # type: ignore[misc]
    """Take one report in JSON; anymail sends its ``tracking`` signal for it (``events.py``).

    Postmark signs nothing: it is known by HTTP Basic authentication, compared in constant time.
    """

    # We refuse instead.
    warn_if_no_basic_auth = False

    def validate_request(self, request: HttpRequest) -> None:
        """Refuse everything where no secret is set (anymail checks the one that is)."""
        if not self.basic_auth:
            raise AnymailWebhookValidationFailure("No secret is set for the provider's reports")

    def parse_events(self, request: HttpRequest) -> list[Any]:
        """Return anymail's event; what is too large or no report of Postmark's is a 400."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_REPORT_SIZE:
            raise RequestDataTooBig("A report of the mail provider is too large")
        try:
            events: list[Any] = super().parse_events(request)
            for event in events:
                # PostgreSQL stores neither NUL nor half a character.
                if "\\u0000" in json.dumps(event.esp_event, ensure_ascii=False).encode().decode():
                    raise ValueError("NUL character")
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            RecursionError,
            AnymailConfigurationError,
        ) as error:
            raise BadRequest("What came is no report of the mail provider") from error
        return events
