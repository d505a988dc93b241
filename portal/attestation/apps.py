from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AttestationConfig(AppConfig):
    name = "portal.attestation"
    label = "attestation"
    verbose_name = _("Attestation")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out
        from django.db.models.signals import post_migrate

        from .receivers import forget_on_sign_out, join_on_sign_in
        from .statements import make_first_statement

        post_migrate.connect(make_first_statement, sender=self)
        user_logged_in.connect(join_on_sign_in)
        user_logged_out.connect(forget_on_sign_out)
