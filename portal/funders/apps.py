from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FundersConfig(AppConfig):
    name = "portal.funders"
    label = "funders"
    verbose_name = _("Funders")

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from .levels import make_levels

        post_migrate.connect(make_levels, sender=self)
