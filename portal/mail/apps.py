from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "portal.mail"
    label = "mail"
    verbose_name = _("E-mail")

    def ready(self) -> None:
        from anymail.signals import tracking

        from portal.accounts.mails import register_outbox
        from portal.core.admin_site import register_panel

        from .accounts import ACCOUNTS, plan_account_mail
        from .checks import check_provider
        from .events import record_provider_report
        from .panels import mail_that_waits
        from .streams import register_stream

        register_stream(ACCOUNTS)
        register_outbox(plan_account_mail)
        register_panel(mail_that_waits)
        checks.register(check_provider)
        tracking.connect(record_provider_report, dispatch_uid="portal.mail.record_provider_report")
