"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from portal.core.addresses import ascii_address
from portal.core.http import is_local_path, safe_next

from .mails import Kind, plan_account_mail
from .models import User

KINDS = {
    "account/email/account_already_exists": Kind.EXISTS,
    "account/email/unknown_account": Kind.UNKNOWN,
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return safe_next(request)

    def is_safe_url(self, url: str | None) -> bool:
        """Return only to addresses on this site, written so that browsers agree."""
        return is_local_path(url or "") and bool(super().is_safe_url(url))

    def clean_email(self, email: str) -> str:
        """Take the addresses that the outbox can send to, and no others."""
        return ascii_address(email)

    def get_user_display(self, user: Any) -> str:
        return str(user)

    # --- mails: through the outbox ----------------------------------------------------------------

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        address = emailconfirmation.email_address
        plan_account_mail(Kind.CONFIRM, address.email, pk=address.pk)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        plan_account_mail(Kind.RESET, email, pk=user.pk)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Plan a mail that opens nothing (staff could read codes, which are not in use)."""
        if template_prefix in KINDS:
            plan_account_mail(KINDS[template_prefix], email)
            return
        message = self.render_mail(template_prefix, email, context)
        plan_account_mail(Kind.NOTICE, email, subject=message.subject, notice=message.body)
