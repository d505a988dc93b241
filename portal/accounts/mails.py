"""Mails of accounts: what they say, and the secret links that are made only while they are sent.

Planned in the outbox by a higher room, so neither a mail server nor a Redis that is away keeps
anybody from signing up. The outbox is read by staff, and the link in such a mail opens the account:
so the mail has a gap where the link stands (``account_url``), and the row names what it is about.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

from allauth.account import app_settings
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy

from portal.core.models import site_settings

from .models import User


class Kind(Enum):
    """What a mail is for; each has templates ``email/account_….html`` and ``.txt``."""

    CONFIRM = "confirm"
    RESET = "reset"
    EXISTS = "exists"
    UNKNOWN = "unknown"
    NOTICE = "notice"


SUBJECTS = {
    Kind.CONFIRM: gettext_lazy("Please confirm your e-mail address"),
    Kind.RESET: gettext_lazy("Choose a new password"),
    Kind.EXISTS: gettext_lazy("You have an account already"),
    Kind.UNKNOWN: gettext_lazy("There is no account with this address"),
}


@dataclass(frozen=True, slots=True)
class AccountMail:
    """``pk``: the address to be confirmed, or the user whose password is to be set; else 0."""

    kind: Kind
    email: str
    subject: str
    html: str
    text: str
    pk: int = 0


Plan = Callable[[AccountMail], None]
_plans: list[Plan] = []


def register_outbox(plan: Plan) -> None:
    """Have mails of accounts planned by ``plan``."""
    _plans[:] = [plan]


def plan_account_mail(kind: Kind, email: str, *, pk: int = 0, **context: Any) -> None:
    """Write a mail of ``kind`` to ``email`` and plan it; ``notice`` is an own subject and text."""
    context |= {
        "site": site_settings(),
        "site_url": settings.SITE_URL,
        "email": email,
        # The engine puts the link here.
        "account_url": "[[account_url]]",
        "days": app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS,
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
    }
    template = f"email/account_{kind.value}"
    mail = AccountMail(
        kind=kind,
        email=email,
        subject=context.get("subject") or str(SUBJECTS[kind]),
        html=render_to_string(f"{template}.html", context),
        text=render_to_string(f"{template}.txt", context),
        pk=pk,
    )
    for plan in _plans:
        plan(mail)


def account_url(kind: Kind, pk: int, address: str) -> str:
    """Return the link of a mail to ``address``, as it is sent (1 query where it opens something).

    Raises LookupError if the account or the address is gone, or no longer belong together.
    """
    if kind is Kind.CONFIRM:
        row = EmailAddress.objects.filter(pk=pk).first()
        if row is None:
            raise LookupError("address")
        key = EmailConfirmationHMAC.create(row).key
        path = reverse("account_confirm_email", args=[key])
    elif kind is Kind.RESET:
        # Whose address it was when the mail was planned may have given it up since.
        own = EmailAddress.objects.filter(user=OuterRef("pk"), email__iexact=address)
        holders = User.objects.filter(Q(email__iexact=address) | Exists(own), is_active=True)
        user = holders.filter(pk=pk).first()
        if user is None:
            raise LookupError("account")
        token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
        path = reverse("account_reset_password_from_key", args=["UID", "KEY"])
        path = path.replace("UID-KEY", quote(f"{user_pk_to_url_str(user)}-{token}"))
    else:
        names = {Kind.EXISTS: "account_reset_password", Kind.UNKNOWN: "account_signup"}
        path = reverse(names.get(kind, "account_login"))
    return settings.SITE_URL + path
