from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    name = "portal.people"
    label = "people"
    verbose_name = _("People")

    def ready(self) -> None:
        from portal.core.admin_site import register_panel
        from portal.mail.streams import register_stream

        from . import desk
        from .requests import DISCLOSURE_REQUESTS

        register_stream(DISCLOSURE_REQUESTS)
        register_panel(desk.going_stale)
