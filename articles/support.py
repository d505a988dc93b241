"""Which published articles name agreements made for them alone: what the funders page lists."""

from collections import defaultdict

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.urls import reverse

from portal.funders.supported import SupportedArticle

from .models import Article, ArticleVersion, ArticleVersionFunder


def supported_articles() -> dict[int, list[SupportedArticle]]:
    """Return the articles by agreement, as their published versions name it (1 query).

    Versions from before schema 3 say who supported, not by which agreement: there, the links of
    the draft decide.
    """
    links = Article.supported_by.through.objects.filter(article=OuterRef("article"))
    restricted = ArticleVersionFunder.objects.filter(funder__agreements__is_site_wide=False)
    title, funding = "document__title", "document__funding__restricted"
    rows = (
        ArticleVersion.objects.published()
        .filter(pk__in=restricted.values("version"))
        .annotate(links=ArraySubquery(links.values("agreement")))
        .order_by("-article__first_published_at", "-article")
        .values("article__slug", "links", title, funding)
    )
    found: dict[int, list[SupportedArticle]] = defaultdict(list)
    for row in rows:
        url = settings.SITE_URL + reverse("article", args=[row["article__slug"]])
        article = SupportedArticle(title=row[title], url=url)
        agreements: dict[int, None] = {}
        for support in row[funding]:
            agreements |= dict.fromkeys(
                [support["agreement"]] if "agreement" in support else row["links"]
            )
        for agreement in agreements:
            found[agreement].append(article)
    return found
