from django.core.paginator import InvalidPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import conditional_page, require_safe

from portal.core.doors import public

from .changes import change_log
from .exports import funders_csv, funders_json
from .record import funded_years, funding_record

CHANGES_PER_PAGE = 50


@public
@require_safe
def funder_list(request: HttpRequest) -> HttpResponse:
    """Show who pays, how, at which level, since when and for what (0 queries once remembered)."""
    today, record = timezone.localdate(), funding_record()
    current = [agreement for agreement in record if agreement.is_active]
    past = [agreement for agreement in record if not agreement.is_active]
    context = {
        "current": current,
        "past": past,
        "purposes": [agreement for agreement in current + past if agreement.has_purpose],
        "years": funded_years(record, today),
    }
    return render(request, "funders/funder_list.html", context)


@public
@require_safe
def funder_changes(request: HttpRequest) -> HttpResponse:
    """Show the changes of the funders page, the latest first (0 queries once remembered)."""
    try:
        page = Paginator(change_log(), CHANGES_PER_PAGE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404 from error
    return render(request, "funders/funder_changes.html", {"page_obj": page})


@public
@require_safe
@conditional_page
def funder_json(request: HttpRequest) -> HttpResponse:
    """Answer with the public record as JSON, validated by its ETag."""
    return HttpResponse(funders_json(), content_type="application/json")


@public
@require_safe
@conditional_page
def funder_csv(request: HttpRequest) -> HttpResponse:
    """Answer with the public record as a CSV file, validated by its ETag."""
    name = f"funders-{timezone.localdate():%Y-%m-%d}.csv"
    return HttpResponse(
        funders_csv(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
