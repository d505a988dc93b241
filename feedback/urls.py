from django.urls import path

from . import views

urlpatterns = [
    path("articles/<slug:slug>/feedback/", views.respond, name="respond"),
    path("articles/<slug:slug>/feedback/thanks/", views.thanks, name="feedback_thanks"),
    # No article in the address: it stays out of every log of addresses.
    path("feedback/impressions/", views.impression, name="feedback_impression"),
]
