from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "portal.core"
    label = "core"
    verbose_name = _("Site")
    default = True

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from .models import make_content_stamp

        post_migrate.connect(make_content_stamp, sender=self)


class PortalAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "portal.core.admin_site.PortalAdminSite"
