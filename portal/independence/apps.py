from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IndependenceConfig(AppConfig):
    name = "portal.independence"
    label = "independence"
    verbose_name = _("Independence")

    def ready(self) -> None:
        from portal.core.admin_site import register_panel

        from .panels import duties_to_separate

        register_panel(duties_to_separate)
