"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from portal.core.addresses import ascii_address
from portal.core.http import is_local_path, safe_next


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
