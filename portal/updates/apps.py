from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UpdatesConfig(AppConfig):
    name = "portal.updates"
    label = "updates"
    verbose_name = _("Updates")

    def ready(self) -> None:
        from articles.desk_links import register_article_link
        from articles.signals import article_published, article_withdrawn
        from portal.mail.previews import register_preview
        from portal.mail.streams import register_stream
        from portal.mail.upcoming import register_upcoming

        from .desk import (
            SOURCE,
            article_preview,
            mail_preview_link,
            next_digests,
            scheduled_articles,
        )
        from .receivers import plan_article_update, plan_withdrawal_notice
        from .streams import ARTICLE_UPDATES, SUBSCRIBING

        register_stream(ARTICLE_UPDATES)
        register_stream(SUBSCRIBING)
        register_preview(SOURCE, article_preview)
        register_upcoming(scheduled_articles)
        register_upcoming(next_digests)
        register_article_link(mail_preview_link)
        article_published.connect(
            plan_article_update, dispatch_uid="portal.updates.plan_article_update"
        )
        article_withdrawn.connect(
            plan_withdrawal_notice, dispatch_uid="portal.updates.plan_withdrawal_notice"
        )
