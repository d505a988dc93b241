"""The first declaration, made after migrating so that a flush cannot lose it."""

from typing import Any

from django.apps import AppConfig

INTRODUCTION = (
    "Everything on this site is written for healthcare professionals. Rules on the communication "
    "of medical information require us to ask before we show it. We ask once per browser."
)
TEXT = "I confirm that I am a healthcare professional."


def make_first_statement(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Create version 1 of the declaration where there is none; idempotent."""
    from .models import AttestationStatement

    statements = AttestationStatement.objects.using(using)
    if not statements.exists():
        statements.create(number=1, introduction=INTRODUCTION, text=TEXT)
