"""Saying what became of messages that are unknown: one, or all of a mailing."""

from http import HTTPStatus
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from portal.core.desk_pages import SeeOther, guarded_path
from portal.mail.models import Delivery, Mailing
from portal.mail.progress import progress_of
from portal.mail.reconcile import Finding, settle
from portal.mail.tasks import wake_workers

from .base import MANAGE, SEE_ADDRESSES, mail_page, visible_mailings
from .verbs import log, page_of

# What was found → its name, and what follows.
CHOICES = {
    Finding.ARRIVED: (
        gettext_lazy("It arrived"),
        gettext_lazy("It counts as sent. Nothing is sent."),
    ),
    Finding.LOST: (
        gettext_lazy("It did not arrive, and is not to be sent any more"),
        gettext_lazy("It counts as failed. Nothing is sent."),
    ),
    Finding.SEND_AGAIN: (
        gettext_lazy("It did not arrive, and is to be sent again"),
        gettext_lazy("It is sent again at once. Whoever did get it gets it twice."),
    ),
}


class FindingForm(forms.Form):
    """Nothing is preselected: each of the three has its price.

    ``may_send_again``: not what is cancelled or too late.
    """

    finding = forms.ChoiceField(
        label=gettext_lazy("What do you know?"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose what you know."),
            "invalid_choice": gettext_lazy("Choose what you know."),
        },
    )

    def __init__(self, *args: Any, may_send_again: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.findings = [
            finding for finding in Finding if may_send_again or finding is not Finding.SEND_AGAIN
        ]
        field = cast("forms.ChoiceField", self.fields["finding"])
        field.choices = [(finding.value, CHOICES[finding][0]) for finding in self.findings]

    @property
    def options(self) -> list[tuple[str, str, str, bool]]:
        """Value, name and consequence of each choice, and whether it was chosen."""
        chosen = self["finding"].value()
        return [
            (finding.value, *map(str, CHOICES[finding]), finding.value == chosen)
            for finding in self.findings
        ]


def _settle_page(
    request: HttpRequest,
    mailing: Mailing,
    *,
    title: str,
    count: int,
    back: str,
    name: str,
) -> HttpResponseBase | Finding:
    """Return the page that asks, or what was chosen and confirmed."""
    form = FindingForm(
        request.POST if request.method == "POST" else None,
        may_send_again=not mailing.is_over(timezone.now()),
    )
    is_valid = request.method == "POST" and form.is_valid()
    chosen = Finding(form.cleaned_data["finding"]) if is_valid else None
    if chosen and "confirmed" in request.POST:
        return chosen
    is_asked = chosen is not None and "change" not in request.POST
    status = HTTPStatus.OK if is_valid or request.method != "POST" else HTTPStatus.BAD_REQUEST
    return mail_page(
        request,
        "mailing/settle.html",
        status,
        title=title,
        form=form,
        count=count,
        back=back,
        name=name,
        choice=CHOICES[chosen] if chosen and is_asked else None,
    )


def _word_of(finding: Finding, count: int) -> str:
    return ngettext(
        "%(count)d unknown message was settled: %(finding)s",
        "%(count)d unknown messages were settled: %(finding)s",
        count,
    ) % {"count": count, "finding": CHOICES[finding][0]}


def _say(request: HttpRequest, count: int, word: str) -> None:
    if count:
        messages.success(request, word)
    else:
        # A second click, or somebody else was quicker.
        messages.warning(request, _("Nothing was done: it is not unknown any more."))


@require_http_methods(["GET", "HEAD", "POST"])
def settle_mailing_view(request: HttpRequest, mailing_id: int) -> HttpResponseBase:
    """Settle all unknown messages of a mailing alike."""
    mailing = get_object_or_404(visible_mailings(request), pk=mailing_id)
    unknown = Delivery.objects.filter(mailing=mailing, state=Delivery.State.UNKNOWN)
    answer = _settle_page(
        request,
        mailing,
        title=_("Settle what is unknown: %(mailing)s") % {"mailing": mailing.subject},
        count=progress_of([mailing.pk])[mailing.pk].unknown,
        back=page_of(mailing),
        name=mailing.subject,
    )
    if not isinstance(answer, Finding):
        return answer
    with transaction.atomic():
        count = settle(unknown, answer, resolution=Delivery.Resolution.HAND)
        word = _word_of(answer, count)
        if count:
            log(request, mailing, word)
        wake_workers()
    _say(request, count, word)
    return SeeOther(page_of(mailing))


@require_http_methods(["GET", "HEAD", "POST"])
def settle_delivery_view(request: HttpRequest, delivery_id: int) -> HttpResponse | HttpResponseBase:
    """Settle one unknown message."""
    if not request.user.has_perm(SEE_ADDRESSES):
        raise PermissionDenied
    rows = Delivery.objects.select_related("mailing").defer("mailing__html", "mailing__text")
    delivery = get_object_or_404(rows, pk=delivery_id)
    one = Delivery.objects.filter(pk=delivery.pk)
    back = reverse("admin:mail_delivery_change", args=[delivery.pk])
    is_unknown = delivery.state == Delivery.State.UNKNOWN
    answer = _settle_page(
        request,
        delivery.mailing,
        title=_("Settle an unknown message"),
        count=int(is_unknown),
        back=back,
        name=delivery.address,
    )
    if not isinstance(answer, Finding):
        return answer
    with transaction.atomic():
        count = settle(one, answer, resolution=Delivery.Resolution.HAND)
        word = _word_of(answer, count)
        if count:
            # No address: the mailing's history is read by whoever may see no address.
            number = _("message %(number)d") % {"number": delivery.pk}
            log(request, delivery.mailing, f"{word} ({number})")
        wake_workers()
    _say(request, count, word)
    return SeeOther(back)


def settle_urls() -> list[URLPattern]:
    return [
        guarded_path(
            "<int:mailing_id>/settle/", settle_mailing_view, MANAGE, "mail_mailing_settle"
        ),
        guarded_path(
            "settle/<int:delivery_id>/", settle_delivery_view, MANAGE, "mail_delivery_settle"
        ),
    ]
