from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.core.doors import public

from .models import Agreement


@public
@require_safe
def funder_list(request: HttpRequest) -> HttpResponse:
    """Show who pays today, how, at which level and since when; and who paid before."""
    today = timezone.localdate()
    agreements = list(Agreement.objects.filter(starts_on__lte=today).in_order(today))
    return render(
        request,
        "funders/funder_list.html",
        {
            "today": today,
            "current": [agreement for agreement in agreements if agreement.is_active(today)],
            "past": [agreement for agreement in agreements if not agreement.is_active(today)],
        },
    )
