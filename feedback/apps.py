from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    name = "feedback"
    verbose_name = _("Feedback")

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from articles.desk_links import register_article_link
        from portal.attestation.signals import readers_met
        from portal.core.admin_site import register_panel
        from portal.core.export_words import register_words
        from portal.mail.streams import register_stream

        from .default_survey import make_default_survey
        from .desk_links import survey_link
        from .exports.mails import EXPORTS
        from .exports.words import filters_in_words
        from .panels import latest_results, low_rated
        from .receivers import merge_on_meeting

        post_migrate.connect(make_default_survey, sender=self)
        readers_met.connect(merge_on_meeting)
        register_article_link(survey_link)
        register_stream(EXPORTS)
        register_words("responses", filters_in_words)
        register_panel(latest_results)
        register_panel(low_rated)
