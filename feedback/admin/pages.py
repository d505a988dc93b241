"""The frame that the desk's own pages about feedback have in common."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from feedback.models import Survey
from feedback.results import MIN_PEOPLE


def desk_page(
    request: HttpRequest, template: str, status: int = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """Answer with ``admin/feedback/<template>`` in the desk's frame."""
    return TemplateResponse(
        request,
        f"admin/feedback/{template}",
        {
            **admin.site.each_context(request),
            "opts": Survey._meta,  # noqa: SLF001 - what Django’s own admin does
            "min_people": MIN_PEOPLE,
            **context,
        },
        status=status,
    )
