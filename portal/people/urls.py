from django.urls import path

from . import views

urlpatterns = [path("disclosures/<str:token>/", views.disclose, name="disclose")]
