from django.urls import path

from . import views

urlpatterns = [
    path("articles/<slug:slug>/feedback/", views.respond, name="respond"),
    path("articles/<slug:slug>/feedback/thanks/", views.thanks, name="feedback_thanks"),
]
