"""Every address of the portal, for tests that walk all of them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from articles.authors import published_authors
from articles.models import Article, Section, Topic
from feedback.models import Survey
from portal.core.models import Page

# Arguments that are a primary key of the model in the address's name.
KEYS = {
    *("object_id", "id", "pk", "article_id", "agreement_id"),
    *("mailing_id", "delivery_id", "suppression_id"),
}


def all_patterns(
    resolver: URLResolver | None = None, namespace: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Yield the name and the pattern of every address; a namespace stands before a colon."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from all_patterns(pattern, inner)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}", pattern


def arguments_of(pattern: URLPattern) -> list[str]:
    """Return the names of the arguments in the address."""
    return [*pattern.pattern.converters, *getattr(pattern.pattern.regex, "groupindex", {})]


def address_of(name: str, pattern: URLPattern) -> str:
    """Return an address of ``pattern`` that leads to something that exists, where it can."""
    if name == "admin:(?P<url>.*)$":
        return "/admin/no-such-page/"
    if name == "admin:<path:object_id>/":
        # The admin's old short form of a change page, once for each model.
        return "/admin/articles/article/1/"
    arguments = {argument: _argument(name, argument) for argument in arguments_of(pattern)}
    return reverse(name, kwargs=arguments)


def _argument(name: str, argument: str) -> Any:
    if argument == "slug":
        models = {"topic": Topic, "topic_feed": Topic, "page": Page}
        if name in models:
            return models[name].objects.order_by("pk").first().slug
        if name == "author":
            return published_authors().order_by("pk").first().slug
        return Article.objects.published().order_by("pk").first().slug
    if name == "media":
        figure = Section.objects.exclude(image="").order_by("pk").first()
        return figure.image.name if figure else "figures/none.png"
    if argument in KEYS:
        label, _, model = name.removeprefix("admin:").rpartition("_")[0].partition("_")
        try:
            instance = apps.get_model(label, model).objects.order_by("pk").first()
        except LookupError:
            instance = Article.objects.published().order_by("pk").first()
        return getattr(instance, "pk", 1)
    samples = {
        "app_label": "articles",
        "content_type_id": 1,
        "job_id": UUID(int=1),
        "key": "guess",
        "name": "figures/none.png" if name == "preview_media" else "nowhere",
        "section": "articles",
        "source": "mailing",
        "survey_id": Survey.objects.order_by("pk").values_list("pk", flat=True).first(),
        "uidb36": "1",
        "token": "guess",
        "url": "nowhere",
    }
    return samples[argument]
