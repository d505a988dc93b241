"""Mails of accounts in the outbox: planned at once, sent first, their links made while sending."""

import logging
import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.accounts.mails import AccountMail, Kind, account_url
from portal.core.addresses import ascii_address

from .models import Mailing, Subscriber
from .services import plan_personal_mail
from .streams import Stream, language_choices
from .tasks import wake_workers

logger = logging.getLogger(__name__)

KEY_PREFIX = "account"


def _url_of(mailing: Mailing) -> str:
    _prefix, kind, pk, _unique = mailing.key.split(":")
    return account_url(Kind(kind), int(pk), mailing.deliveries.get().address)


ACCOUNTS = Stream(
    key="accounts",
    name=_("Account"),
    needs_consent=False,
    mailing_links={"account_url": _url_of},
)


@transaction.atomic
def plan_account_mail(mail: AccountMail) -> None:
    """Plan ``mail``; an address that no mail server takes is left out, and logged."""
    try:
        address = ascii_address(mail.email)
    except ValidationError:
        logger.warning("An account has an address that no mail server takes")
        return
    language = get_language() or ""
    if language not in {code for code, _name in language_choices()}:
        language = ""
    new = Subscriber(email=address, **({"language": language} if language else {}))
    Subscriber.objects.bulk_create([new], ignore_conflicts=True)
    plan_personal_mail(
        key=f"{KEY_PREFIX}:{mail.kind.value}:{mail.pk}:{uuid.uuid4()}",
        subscriber=Subscriber.objects.with_address(address).get(),
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        language=language,
        stream=ACCOUNTS,
    )
    wake_workers()
