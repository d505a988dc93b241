from django.urls import path

from portal.core.doors import public

from .views import PostmarkReports, metrics

urlpatterns = [
    path("metrics/", metrics, name="mail_metrics"),
    path("mail/postmark/", public(PostmarkReports.as_view()), name="postmark_reports"),
]
