from django.urls import path

from . import views

urlpatterns = [
    path("funders/", views.funder_list, name="funder_list"),
    path("funders/changes/", views.funder_changes, name="funder_changes"),
    path("funders.json", views.funder_json, name="funder_json"),
    path("funders.csv", views.funder_csv, name="funder_csv"),
]
