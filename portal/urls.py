from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("articles.urls")),
    path("", include("feedback.urls")),
    path("", include("portal.attestation.urls")),
    path("", include("portal.funders.urls")),
    path("", include("portal.mail.urls")),
    path("", include("portal.people.urls")),
    path("", include("portal.updates.urls")),
    path("", include("portal.core.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "portal.core.views.bad_request"
handler500 = "portal.core.views.server_error"
