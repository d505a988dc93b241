"""What an order says, in words: for its pages and for the log."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django_countries import countries

from articles.models import Article
from articles.models.topics import topic_tree
from feedback.results.forms import NOT_STATED
from feedback.results.selection import Dimension
from portal.attestation.models import Profession, Specialty
from portal.people.models import Person

from .orders import Format, Shape


def filters_in_words(filters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values of what ``Order.as_filters`` says (1 query at most).

    What has gone since, or is of an earlier form, stands as it was written.
    """
    words = [(_("Articles"), _scope(filters))]
    month = filters.get("month")
    words.append(
        (_("Month"), date_format(_first_day(month), "F Y") if month else _("All closed months"))
    )
    words.append((_("Readers"), _readers(filters["readers"]) if "readers" in filters else _("All")))
    if "format" in filters:
        words.append((_("Format"), _label(Format, filters["format"])))
        words.append((_("Shape"), _label(Shape, filters["shape"])))
        words.append(
            (_("Comes as"), _("ZIP with a codebook") if filters["packed"] else _("Data file alone"))
        )
        words.append((_("Free text"), _("Included") if filters["comments"] else _("Left out")))
    if "flavour" in filters:
        words.append((_("Format"), str(filters["flavour"])))
    return words


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _scope(filters: Mapping[str, Any]) -> str:
    if (pk := filters.get("article")) is not None:
        title = Article.objects.filter(pk=pk).values_list("title", flat=True).first()
        return str(title or pk)
    if (pk := filters.get("topic")) is not None:
        topic = topic_tree().topics.get(pk)
        return _("Topic: %(name)s") % {"name": topic.name if topic else pk}
    if (pk := filters.get("author")) is not None:
        name = Person.objects.filter(pk=pk).values_list("name", flat=True).first()
        return _("By %(name)s") % {"name": name or pk}
    return _("All")


def _readers(part: str) -> str:
    dimension, _colon, value = part.partition(":")
    labels: dict[str, dict[str, Any]] = {
        Dimension.PROFESSION.value: dict(Profession.choices),
        Dimension.SPECIALTY.value: dict(Specialty.choices),
        Dimension.COUNTRY.value: dict(countries),
    }
    name = _label(Dimension, dimension)
    return f"{name}: {labels.get(dimension, {}).get(value, value) if value else NOT_STATED}"


def _label(choices: type[models.TextChoices], value: str) -> str:
    return str(dict(choices.choices).get(value, value))
