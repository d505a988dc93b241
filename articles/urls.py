from django.urls import path

from . import media, search_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("articles/", views.article_list, name="article_list"),
    path("articles/<slug:slug>/", views.article, name="article"),
    path("preview/<str:token>/", views.preview, name="article_preview"),
    path("preview/<str:token>/media/<path:name>", views.preview_media, name="preview_media"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("search/", search_views.search, name="search"),
    path("media/<path:name>", media.media, name="media"),
]
