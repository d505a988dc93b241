"""The articles' panels on the desk's start page: what needs doing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import escape
from django.utils.translation import gettext as _

from portal.people.models import DISCLOSURE_VALIDITY, Disclosure, Person

from .citations import cited_keys
from .models import Article, ArticleAuthor, ArticleEditor, ArticleTransition, Reference, Verb
from .references import describe_updates

Status = Article.Status

SHOWN = 10
LOOKED_INTO = 50


def my_drafts(request: HttpRequest) -> dict[str, Any] | None:
    """Drafts that the user has changed since they were last published (1 query)."""
    if not request.user.has_perm("articles.change_article"):
        return None
    mine = Article.objects.filter(status=Status.DRAFT, editors__user=request.user.pk)
    return _panel(_("My drafts"), mine, _draft_note, _("You have no draft."))


def drafts(request: HttpRequest) -> dict[str, Any] | None:
    """Drafts in which only others write, or nobody yet (1 query)."""
    if not request.user.has_perm("articles.change_article"):
        return None
    others = Article.objects.filter(status=Status.DRAFT).exclude(
        Exists(ArticleEditor.objects.filter(article=OuterRef("pk"), user=request.user.pk))
    )
    return _panel(_("Drafts"), others, _draft_note, _("Nobody else has a draft."))


def waiting_for_review(request: HttpRequest) -> dict[str, Any] | None:
    """Articles that the user may approve: those that they have no hand in (1 query)."""
    if not request.user.has_perm("articles.approve_article"):
        return None
    user = request.user.pk
    own = Q(
        Exists(ArticleEditor.objects.filter(article=OuterRef("pk"), user=user))
        | Exists(ArticleAuthor.objects.filter(article=OuterRef("pk"), person__user=user))
    )
    waiting = (
        Article.objects.filter(status=Status.IN_REVIEW)
        .exclude(own)
        .exclude(submitted_by__isnull=False, submitted_by=user)
    )
    return _panel(
        _("Waiting for my review"), waiting, lambda article: "", _("Nothing waits for you.")
    )


def scheduled(request: HttpRequest) -> dict[str, Any] | None:
    """Articles that come out by themselves, the next one first (1 query)."""
    if not request.user.has_perm("articles.schedule_article"):
        return None
    articles = Article.objects.filter(status=Status.SCHEDULED).order_by("scheduled_for")
    return _panel(
        _("Scheduled"),
        articles,
        lambda article: _day(article.scheduled_for, "j F Y, H:i"),
        _("Nothing is scheduled."),
    )


def failed_schedules(request: HttpRequest) -> dict[str, Any] | None:
    """Articles that could not come out when they should have; not shown when there is none."""
    if not request.user.has_perm("articles.schedule_article"):
        return None
    last = ArticleTransition.objects.filter(article=OuterRef("pk"))
    failed = Article.objects.annotate(
        last_verb=Subquery(last.values("verb")[:1]), reasons=Subquery(last.values("comment")[:1])
    ).filter(status=Status.APPROVED, last_verb=Verb.FAIL_SCHEDULE)
    panel = _panel(
        _("Could not be published as scheduled"), failed, lambda article: article.reasons, ""
    )
    return panel if panel["items"] else None


def broken_references(request: HttpRequest) -> dict[str, Any] | None:
    """Citations without a reference and references never cited, in what is being worked on.

    Among the articles that were changed last: looking costs their whole text. Before them, of all
    articles, sources that were corrected or retracted since, and that nobody has looked at
    (5 queries).
    """
    if not request.user.has_perm("articles.change_article"):
        return None
    articles = Article.objects.exclude(
        status__in=[Status.PUBLISHED, Status.WITHDRAWN]
    ).prefetch_related("sections", "objectives", "references")[:LOOKED_INTO]
    broken = [*_updated_sources(), *((one, note) for one in articles if (note := _broken(one)))]
    return {
        "title": _("Broken references"),
        "items": [_item(article, note) for article, note in broken[:SHOWN]],
        "empty": _("Every citation has its reference, and every reference is cited."),
    }


def _updated_sources() -> list[tuple[Article, str]]:
    unseen = Reference.objects.filter(updates_seen=False, article__withdrawn_at=None)
    return [
        (
            reference.article,
            _("Crossref on “%(key)s”: %(news)s")
            % {"key": reference.key, "news": describe_updates(reference.updates)},
        )
        for reference in unseen.select_related("article").order_by("-checked_at", "pk")[:SHOWN]
    ]


def _broken(article: Article) -> str:
    texts = [str(section.body) for section in article.sections.all()]
    texts += [escape(objective.text) for objective in article.objectives.all()]
    cited = {key for text in texts for key in cited_keys(text)}
    known = {reference.key for reference in article.references.all()}
    notes = []
    if missing := sorted(cited - known):
        notes.append(_("no reference: %(keys)s") % {"keys": ", ".join(missing)})
    if unused := sorted(known - cited):
        notes.append(_("never cited: %(keys)s") % {"keys": ", ".join(unused)})
    return "; ".join(notes)


def _panel(
    title: str, articles: QuerySet[Any], note: Callable[[Any], str], empty: str
) -> dict[str, Any]:
    items = [_item(article, note(article)) for article in articles[:SHOWN]]
    return {"title": title, "items": items, "empty": empty}


def _item(article: Article, note: str) -> dict[str, str]:
    url = reverse("admin:articles_article_change", args=[article.pk])
    return {"label": article.title, "url": url, "note": note}


def _draft_note(article: Article) -> str:
    day = {"day": _day(article.updated_at, "j F Y")}
    if article.is_visible:
        return _("published; changed since, on %(day)s") % day
    return _("draft, changed on %(day)s") % day


def _day(time: datetime, form: str) -> str:
    return formats.date_format(timezone.localtime(time), form)


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
