"""The desk's pages about exports: to order one, to watch it being made, to fetch it."""

import logging
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from feedback.exports.forms import ExportForm
from feedback.exports.jobs import cancel_export, order_export, retry_export
from feedback.exports.logs import KIND_DOWNLOAD, log_export
from feedback.exports.orders import Order
from feedback.exports.progress import announcement, progress_text
from feedback.exports.streaming import stream_export
from feedback.exports.words import filters_in_words
from feedback.exports.writing import count_rows
from feedback.models import ExportJob, ExportStatus
from feedback.results.forms import SelectionForm
from portal.accounts.models import User
from portal.core.desk_pages import SeeOther, guarded_path

from .pages import desk_page

PERMISSION = "feedback.export_responses"
COMMENTS_PERMISSION = "feedback.export_comments"
PAGE_SIZE = 25

logger = logging.getLogger(__name__)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


@require_http_methods(["GET", "HEAD", "POST"])
def export_view(request: HttpRequest) -> HttpResponseBase:
    """Ask what for and what of, say how many rows that is, then stream the file or have it made."""
    if request.method != "POST":
        return _form_page(request, ExportForm(user=_user(request), initial=_chosen(request)))
    form = ExportForm(request.POST, user=_user(request))
    if not form.is_valid():
        return _form_page(request, form, HTTPStatus.BAD_REQUEST)
    if "change" in request.POST:
        return _form_page(request, form)
    order = form.order()
    row_count = count_rows(order)
    is_small = row_count <= settings.EXPORT_STREAM_ROWS
    if "confirmed" not in request.POST:
        return desk_page(
            request,
            "export_confirm.html",
            title=_("Export responses"),
            form=form,
            words=filters_in_words(order.as_filters()),
            row_count=row_count,
            is_small=is_small,
        )
    purpose = form.cleaned_data["purpose"]
    if is_small:
        return _stream(_user(request), purpose, order)
    job = order_export(user=_user(request), purpose=purpose, order=order, rows_total=row_count)
    return SeeOther(_page_of(job.pk))


def _chosen(request: HttpRequest) -> dict[str, str]:
    """Return what a page of results has chosen, if its address makes sense."""
    chosen = {name: request.GET[name] for name in SelectionForm.base_fields if name in request.GET}
    return chosen if chosen and SelectionForm(request.GET).is_valid() else {}


def _form_page(request: HttpRequest, form: ExportForm, status: int = HTTPStatus.OK) -> HttpResponse:
    return desk_page(
        request,
        "export.html",
        status,
        title=_("Export responses"),
        form=form,
        stream_rows=settings.EXPORT_STREAM_ROWS,
    )


def _file_name(order: Order) -> str:
    return f"responses-{timezone.localdate():%Y-%m-%d}.{order.extension}"


def _file_headers(order: Order) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{_file_name(order)}"',
        "Cache-Control": "no-store, private",
        "X-Content-Type-Options": "nosniff",
        # A proxy that collects the file first would make the first byte wait for the last.
        "X-Accel-Buffering": "no",
    }


def _stream(user: User, purpose: str, order: Order) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        stream_export(user=user, purpose=purpose, order=order),
        content_type=order.content_type,
        headers=_file_headers(order),
    )


def _page_of(job_id: UUID) -> str:
    return reverse("admin:feedback_export_job", args=[job_id])


def _own_job(request: HttpRequest, job_id: UUID) -> ExportJob:
    """Return the user's own export; others' are refused, whoever asks, and that is logged."""
    job = get_object_or_404(ExportJob, pk=job_id)
    if job.requested_by_id != _user(request).pk:
        # As at the doors of the desk: what was refused, not to whom.
        logger.warning("Refused: the export %s to another than who ordered it", job.pk)
        raise PermissionDenied
    return job


@require_safe
def exports_view(request: HttpRequest) -> HttpResponse:
    """List the files that the user had made in the background."""
    jobs = ExportJob.objects.filter(requested_by=_user(request))
    page = Paginator(jobs, PAGE_SIZE).get_page(request.GET.get("page"))
    now = timezone.now()
    rows = [(job, job.state_at(now)) for job in page]
    return desk_page(request, "exports.html", title=_("My exports"), page_obj=page, rows=rows)


@require_safe
def job_view(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show how far an export is, and offer the file once there is one."""
    return _job_page(request, _own_job(request, job_id))


def _job_page(request: HttpRequest, job: ExportJob, status: int = HTTPStatus.OK) -> HttpResponse:
    now = timezone.now()
    return desk_page(
        request,
        "export_job.html",
        status,
        title=_("Export: %(state)s") % {"state": job.state_at(now).label},
        job=job,
        state=job.state_at(now),
        text=progress_text(job, now),
        words=filters_in_words(job.order),
    )


@require_safe
def progress_view(request: HttpRequest, job_id: UUID) -> JsonResponse:
    """Say how far an export is, for the script of its page."""
    job = _own_job(request, job_id)
    now = timezone.now()
    return JsonResponse(
        {
            "state": job.state_at(now),
            "value": min(job.rows_done, job.rows_total),
            "max": job.rows_total,
            "text": progress_text(job, now),
            "announcement": announcement(job, now),
        }
    )


@require_POST
def cancel_view(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Cancel the export, unless it is over: its page says which of both."""
    cancel_export(_own_job(request, job_id).pk)
    return SeeOther(_page_of(job_id))


@require_POST
def retry_view(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Begin an export anew that failed."""
    retry_export(_own_job(request, job_id).pk)
    return SeeOther(_page_of(job_id))


@require_GET
def download_view(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Send the file to who ordered it, and log that; free text needs its permission still."""
    job = _own_job(request, job_id)
    order = Order.from_filters(job.order)
    user = _user(request)
    if order.has_comments and not user.has_perm(COMMENTS_PERMISSION):
        raise PermissionDenied
    if job.state_at(timezone.now()) != ExportStatus.READY:
        return _job_page(request, job, HTTPStatus.GONE)
    try:
        file = job.file.open("rb")
    except FileNotFoundError:
        # Deleted this moment, or by somebody who looks after the disk.
        return _job_page(request, job, HTTPStatus.GONE)
    log_export(
        user=user,
        kind=KIND_DOWNLOAD,
        purpose=job.purpose,
        order=order,
        columns=job.columns,
        row_count=job.rows_done,
        sha256=job.sha256,
    )
    return FileResponse(
        file,
        as_attachment=True,
        filename=_file_name(order),
        content_type=order.content_type,
        headers=_file_headers(order),
    )


def export_urls() -> list[URLPattern]:
    """Return the addresses of the exports; ``SurveyAdmin`` puts them under its own."""

    def page(route: str, view: Any, name: str) -> URLPattern:
        return guarded_path(route, view, PERMISSION, name)

    return [
        page("export/", export_view, "feedback_export"),
        page("exports/", exports_view, "feedback_exports"),
        page("exports/<uuid:job_id>/", job_view, "feedback_export_job"),
        page("exports/<uuid:job_id>/progress/", progress_view, "feedback_export_progress"),
        page("exports/<uuid:job_id>/cancel/", cancel_view, "feedback_export_cancel"),
        page("exports/<uuid:job_id>/retry/", retry_view, "feedback_export_retry"),
        page("exports/<uuid:job_id>/download/", download_view, "feedback_export_download"),
    ]
