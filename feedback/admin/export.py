"""The desk's page to export responses."""

from http import HTTPStatus
from typing import cast

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback.exports import Flavour, export_responses
from feedback.forms import ExportForm
from portal.accounts.models import User

from .pages import desk_page, guarded_path


@require_http_methods(["GET", "HEAD", "POST"])
def export_view(request: HttpRequest) -> HttpResponseBase:
    """Ask what the file is for, then stream it."""
    form = ExportForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = HTTPStatus.BAD_REQUEST if form.is_bound else HTTPStatus.OK
        return desk_page(request, "export.html", status, title=_("Export responses"), form=form)
    chunks = export_responses(
        user=cast("User", request.user),
        purpose=form.cleaned_data["purpose"],
        flavour=Flavour(form.cleaned_data["flavour"]),
        article=form.cleaned_data["article"],
    )
    name = f"responses-{timezone.localdate():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        chunks,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            # A proxy that collects the file first would make the first byte wait for the last.
            "X-Accel-Buffering": "no",
        },
    )


def export_urls() -> list[URLPattern]:
    """Return the addresses of the exports; ``SurveyAdmin`` puts them under its own."""
    return [guarded_path("export/", export_view, "feedback.export_responses", "feedback_export")]
