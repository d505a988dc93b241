from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "portal.mail"
    label = "mail"
    verbose_name = _("E-mail")

    def ready(self) -> None:
        from portal.core.admin_site import register_panel

        from .panels import mail_that_waits

        register_panel(mail_that_waits)
