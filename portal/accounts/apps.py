from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from .groups import make_groups

        # Without a sender: it runs after each app, so the last run sees every app's permissions.
        post_migrate.connect(make_groups, dispatch_uid="accounts.make_groups")
