from django.urls import path

from portal.core.doors import public

from .views import PostmarkReports

urlpatterns = [
    path("mail/postmark/", public(PostmarkReports.as_view()), name="postmark_reports"),
]
