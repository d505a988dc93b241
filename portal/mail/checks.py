"""Settings that would let mail, or reports about it, go nowhere."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

SECRET_LENGTH = 20


def check_provider(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """Tell of a provider that does not exist, or that has no token or no secret for its reports."""
    if settings.MAIL_PROVIDER == "smtp":
        return []
    if settings.MAIL_PROVIDER != "postmark":
        return [Error("MAIL_PROVIDER must be “smtp” or “postmark”.", id="mail.E001")]
    errors: list[CheckMessage] = []
    if not settings.ANYMAIL["POSTMARK_SERVER_TOKEN"]:
        errors.append(Error("POSTMARK_SERVER_TOKEN is missing.", id="mail.E002"))
    secrets = settings.ANYMAIL["WEBHOOK_SECRET"]
    if not secrets or any(":" not in item or len(item) < SECRET_LENGTH for item in secrets):
        errors.append(
            Error(
                "POSTMARK_WEBHOOK_SECRET must be “name:password”, "
                f"{SECRET_LENGTH} characters or more.",
                id="mail.E003",
            )
        )
    return errors
