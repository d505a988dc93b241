"""The people whose articles are published."""

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import JSONArray, JSONObject

from portal.people.models import Person

from .models import Article


def published_authors() -> QuerySet[Person]:
    """Return the people who stand in the byline of a version that readers see."""
    articles = Article.objects.published().filter(
        published_version__people=OuterRef("pk"),
        published_version__document__authors__contains=JSONArray(JSONObject(slug=OuterRef("slug"))),
    )
    return Person.objects.filter(Exists(articles))
