"""The mail that says that a file can be fetched: it says nothing of what is in it."""

import logging

from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.models import FILE_VALIDITY, ExportJob
from portal.core.addresses import ascii_address
from portal.core.models import site_settings
from portal.mail.models import Mailing, Subscriber
from portal.mail.services import plan_personal_mail
from portal.mail.streams import Stream
from portal.mail.tasks import wake_workers

logger = logging.getLogger(__name__)

MAIL_KEY_PREFIX = "export:"


def _page_of(mailing: Mailing) -> str:
    job_id = mailing.key.removeprefix(MAIL_KEY_PREFIX)
    return settings.SITE_URL + reverse("admin:feedback_export_job", args=[job_id])


# The link leads to the desk, where the requester signs in: it opens nothing by itself.
EXPORTS = Stream(
    key="exports",
    name=gettext_lazy("Exports that are ready"),
    needs_consent=False,
    mailing_links={"export_url": _page_of},
)


def tell_requester(job: ExportJob) -> None:
    """Plan the mail in the transaction that makes ``job`` ready; its worker wakes afterwards."""
    try:
        address = ascii_address(job.requested_by.email)
    except ValidationError:
        logger.warning("The requester of an export has an address that no mail server takes")
        return
    Subscriber.objects.bulk_create([Subscriber(email=address)], ignore_conflicts=True)
    subscriber = Subscriber.objects.with_address(address).get()
    with translation.override(subscriber.language):
        context = {
            "site": site_settings(),
            "site_url": settings.SITE_URL,
            "days": FILE_VALIDITY.days,
            # The engine puts the link here.
            "export_url": "[[export_url]]",
        }
        plan_personal_mail(
            key=f"{MAIL_KEY_PREFIX}{job.pk}",
            subscriber=subscriber,
            subject=_("Your export is ready"),
            html=render_to_string("email/export_ready.html", context),
            text=render_to_string("email/export_ready.txt", context),
            stream=EXPORTS,
            # Later there is nothing to fetch.
            validity=FILE_VALIDITY,
        )
    wake_workers()
