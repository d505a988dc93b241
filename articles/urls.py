from django.urls import path

from . import citation_files, disclosure_log, feeds, media, search_views, sitemaps, views

urlpatterns = [
    path("", views.home, name="home"),
    path("articles/", views.article_list, name="article_list"),
    path("articles/<slug:slug>/", views.article, name="article"),
    path(
        "articles/<slug:slug>/disclosures/",
        disclosure_log.article_disclosures,
        name="article_disclosures",
    ),
    path("preview/<str:token>/", views.preview, name="article_preview"),
    path("preview/<str:token>/media/<path:name>", views.preview_media, name="preview_media"),
    path("articles/<slug:slug>/cite.ris", citation_files.cite_ris, name="cite_ris"),
    path("articles/<slug:slug>/cite.bib", citation_files.cite_bibtex, name="cite_bibtex"),
    path("authors/<slug:slug>/", views.author, name="author"),
    path("topics/<slug:slug>/", views.topic, name="topic"),
    path("topics/<slug:slug>/feed/", feeds.feed, name="topic_feed"),
    path("feed/", feeds.feed, name="feed"),
    path("sitemap.xml", sitemaps.sitemap_index, name="sitemap_index"),
    path("sitemap-<slug:section>.xml", sitemaps.sitemap, name="sitemap"),
    path("search/", search_views.search, name="search"),
    path("media/<path:name>", media.media, name="media"),
]
