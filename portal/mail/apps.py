from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "portal.mail"
    label = "mail"
    verbose_name = _("E-mail")

    def ready(self) -> None:
        from anymail.signals import tracking

        from .checks import check_provider
        from .events import record_provider_report

        checks.register(check_provider)
        tracking.connect(record_provider_report, dispatch_uid="portal.mail.record_provider_report")
