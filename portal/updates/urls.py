from django.urls import path

from . import views, web_copies

urlpatterns = [
    path("updates/", views.subscribe, name="subscribe"),
    path("updates/check-your-mail/", views.subscribe_done, name="subscribe_done"),
    path("updates/confirm/<str:token>/", views.confirm, name="confirm_subscription"),
    path("updates/preferences/<str:token>/", views.preferences, name="preferences"),
    path("updates/unsubscribe/<str:token>/", views.unsubscribe_page, name="unsubscribe"),
    path("updates/view/<str:token>/", web_copies.web_copy, name="web_copy"),
]
