"""The portal's addresses and, under ``/benchmark/``, pages to compare its own with."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils import timezone

from articles.models import ArticleVersion, Topic
from articles.pages import render_page
from portal.core.doors import public
from portal.core.models import Page, SiteSettings
from portal.funders.models import Agreement


@cache
def _filling(size: int) -> bytes:
    return b"x" * size


@public
def constant(request: HttpRequest, size: int) -> HttpResponse:
    """A page of ``size`` bytes that costs nothing but the middleware."""
    return HttpResponse(_filling(size))


@public
def five_queries(request: HttpRequest, slug: str) -> HttpResponse:
    """The article page as a plain Django view would make it: 5 queries and a template each time."""
    version = ArticleVersion.objects.published().get(article__slug=slug)
    topics, pages = list(Topic.objects.all()), list(Page.objects.defer("body"))
    agreements = list(Agreement.objects.site_wide().in_order(timezone.localdate()))
    return render(
        request,
        "articles/article.html",
        {
            "page": render_page(version.article, version.document, version_id=version.pk),
            "site": SiteSettings.objects.get(),
            "topics": topics,
            "footer_pages": pages,
            "agreements": agreements,
        },
    )


urlpatterns = [
    path("benchmark/constant/<int:size>/", constant),
    path("benchmark/five-queries/<slug:slug>/", five_queries),
    path("", include("portal.urls")),
]

handler400 = "portal.core.views.bad_request"
handler500 = "portal.core.views.server_error"
