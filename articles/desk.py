"""The articles' panels on the desk's start page: what needs doing."""

from typing import Any

from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from portal.people.models import DISCLOSURE_VALIDITY, Disclosure, Person

from .models import Article

SHOWN = 10


def drafts(request: HttpRequest) -> dict[str, Any] | None:
    """Drafts that readers have never seen, and articles changed since they were published."""
    if not request.user.has_perm("articles.change_article"):
        return None
    unpublished = Article.objects.filter(status=Article.Status.DRAFT)
    changed = Article.objects.filter(updated_at__gt=F("published_version__published_at"))
    articles = (unpublished | changed).order_by("-updated_at")[:SHOWN]
    return {
        "title": _("Drafts"),
        "items": [
            {
                "label": article.title,
                "url": reverse("admin:articles_article_change", args=[article.pk]),
                "note": _note(article),
            }
            for article in articles
        ],
        "empty": _("Everything that was written is published."),
    }


def _note(article: Article) -> str:
    day = formats.date_format(timezone.localtime(article.updated_at), "j F Y")
    if article.status == Article.Status.DRAFT:
        return _("draft, changed on %(day)s") % {"day": day}
    return _("published; changed since, on %(day)s") % {"day": day}


def due_for_review(request: HttpRequest) -> dict[str, Any] | None:
    """Published articles whose next medical review is due: blocks nothing, but wants doing."""
    if not request.user.has_perm("articles.change_article"):
        return None
    articles = Article.objects.published().due_for_review(timezone.localdate())[:SHOWN]
    return {
        "title": _("Due for medical review"),
        "items": [
            {
                "label": article.title,
                "url": reverse("admin:articles_article_change", args=[article.pk]),
                "note": _("since %(day)s")
                % {"day": formats.date_format(article.next_review_due_on, "j F Y")},
            }
            for article in articles
            if article.next_review_due_on
        ],
        "empty": _("No published article is due for medical review."),
    }


def disclosures(request: HttpRequest) -> dict[str, Any] | None:
    """Whom an article names without a current disclosure, which blocks publishing it."""
    if not request.user.has_perm("people.change_person"):
        return None
    today = timezone.localdate()
    valid = Disclosure.objects.filter(
        person=OuterRef("pk"),
        declared_on__gt=today - DISCLOSURE_VALIDITY,
        declared_on__lte=today,
    )
    people = Person.objects.filter(
        Exists(Article.objects.filter(article_authors__person=OuterRef("pk"))), ~Exists(valid)
    )[:SHOWN]
    return {
        "title": _("Disclosures that block publishing"),
        "items": [
            {
                "label": person.name,
                "url": reverse("admin:people_person_change", args=[person.pk]),
                "note": _("no current disclosure"),
            }
            for person in people
        ],
        "empty": _("Everybody whom an article names has a current disclosure."),
    }
