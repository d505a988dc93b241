from django.urls import path

from . import views

urlpatterns = [path("funders/", views.funder_list, name="funder_list")]
