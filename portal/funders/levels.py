"""The bands of funding, made after migrating so that a flush cannot lose them."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext as _


def make_levels(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Create four levels where there is none; idempotent."""
    from .models import SupportLevel

    levels = SupportLevel.objects.using(using)
    if not levels.exists():
        levels.bulk_create(
            SupportLevel(rank=rank, label=label)
            for rank, label in enumerate(
                (_("Principal"), _("Major"), _("Standard"), _("Associate")), 1
            )
        )
