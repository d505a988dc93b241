from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ArticlesConfig(AppConfig):
    name = "articles"
    verbose_name = _("Articles")

    def ready(self) -> None:
        from portal.core.admin_site import register_panel
        from portal.funders.supported import register_supported_articles
        from portal.people.needs import register_need

        from . import competing_interests, desk
        from .support import supported_articles

        register_panel(desk.my_drafts)
        register_panel(desk.waiting_for_review)
        register_panel(desk.failed_schedules)
        register_panel(desk.scheduled)
        register_panel(desk.drafts)
        register_panel(desk.broken_references)
        register_panel(desk.due_for_review)
        register_panel(desk.disclosures)
        register_supported_articles(supported_articles)
        register_need(competing_interests.is_named)
        register_need(competing_interests.has_approved)
