from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UpdatesConfig(AppConfig):
    name = "portal.updates"
    label = "updates"
    verbose_name = _("Updates")

    def ready(self) -> None:
        from articles.signals import article_published, article_withdrawn
        from portal.mail.streams import register_stream

        from .receivers import cancel_article_update, plan_article_update
        from .streams import ARTICLE_UPDATES

        register_stream(ARTICLE_UPDATES)
        article_published.connect(
            plan_article_update, dispatch_uid="portal.updates.plan_article_update"
        )
        article_withdrawn.connect(
            cancel_article_update, dispatch_uid="portal.updates.cancel_article_update"
        )
