from django.urls import path

from . import media, search_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("articles/", views.article_list, name="article_list"),
    path("articles/<slug:slug>/", views.article, name="article"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("search/", search_views.search, name="search"),
    path("media/<path:name>", media.media, name="media"),
]
