"""Writes the demonstration content through the portal's own verbs and rules."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from articles.competing_interests import interests, people_in_control
from articles.models import (
    Abbreviation,
    Article,
    ArticleAuthor,
    ArticleVersion,
    LearningObjective,
    Reference,
    Section,
    Topic,
)
from articles.objectives import proposed_level
from articles.services import (
    approve_article,
    assess_relationship,
    publish_article,
    submit_for_review,
)
from feedback.tallies import refresh
from portal.accounts.models import User
from portal.core.models import Page, SiteSettings
from portal.funders.models import Agreement, Funder, SupportLevel
from portal.mail.models import Subscriber
from portal.people.models import DISCLOSURE_VALIDITY, Disclosure, FinancialRelationship, Person

from .drawings import DRAWINGS
from .reading import (
    ArticleData,
    AssessmentData,
    FunderData,
    PersonData,
    SectionData,
    TopicData,
    read_articles,
    read_pages,
    read_site,
)
from .responses import DemoReaders
from .users import EDITOR, REVIEWER, make_users

Progress = Callable[[str], object]

# Disclosures are renewed before they go stale.
RENEWAL = DISCLOSURE_VALIDITY - timedelta(days=30)
# From the beginning of the work on an article to its publication.
WORK = timedelta(days=30)
PUBLISHING_HOUR = time(9)


class SubscribersWaiting(Exception):  # noqa: N818 - it reads as what happened
    """Raised instead of loading: publishing would announce demonstration articles by e-mail."""


@transaction.atomic
def load_demo(*, passwords: dict[str, str], progress: Progress) -> None:
    """Load everything that is not there yet; what is there already stays as it is.

    ``passwords``: e-mail address → password of the demo users. ``progress`` is told one line per
    step. Raises ``SubscribersWaiting`` where the portal has subscribers already.
    """
    if Subscriber.objects.exists():
        raise SubscribersWaiting
    site, articles = read_site(), read_articles()
    users = make_users(passwords)
    progress(f"users: {', '.join(users)}")
    SiteSettings.objects.get_or_create(pk=1, defaults=site["settings"])
    for page in read_pages():
        Page.objects.get_or_create(
            slug=page["slug"],
            defaults={
                "title": page["title"],
                "position": page["position"],
                "body": page["body"],
            },
        )
    for funder in site["funders"]:
        _load_funder(funder)
    for person in site["people"]:
        _load_person(person)
    for topic in site["topics"]:
        _load_topic(topic)
    progress(
        f"{Page.objects.count()} pages, {Funder.objects.count()} funders, "
        f"{Person.objects.count()} people, {Topic.objects.count()} topics"
    )
    _load_articles(articles, site["assessments"], users, progress)


def _load_articles(
    articles: list[ArticleData],
    assessments: dict[str, AssessmentData],
    users: dict[str, User],
    progress: Progress,
) -> None:
    editor, reviewer = users[EDITOR.email], users[REVIEWER.email]
    present = set(Article.objects.values_list("slug", flat=True))
    readers = DemoReaders()
    # In the order of publication, drafts last.
    for data in sorted(articles, key=lambda data: data.get("published_on", date.max)):
        if data["slug"] in present:
            continue
        article = _write_article(data)
        if published_on := data.get("published_on"):
            _assess(article, assessments, published_on)
        version = _publish(article, data, editor, reviewer)
        if version is None:
            progress(f"draft: {article.title}")
            continue
        progress(f"published: {article.title}")
        if responses := data.get("responses"):
            readers.answer(article=article, version=version, data=responses)
    progress(f"{readers.save()} survey responses")
    # Results are there at once, not with the next beat.
    refresh()


def _write_article(data: ArticleData) -> Article:
    article = Article.objects.create(
        title=data["title"],
        slug=data["slug"],
        type=data["type"],
        summary=data["summary"],
        ai_statement=data["ai_statement"],
        intended_audience=data["intended_audience"],
        medically_reviewed_on=data.get("medically_reviewed_on"),
        next_review_due_on=data.get("next_review_due_on"),
        is_demo=True,
    )
    article.topics.set(Topic.objects.filter(slug__in=data["topics"]))
    named = [
        *((slug, ArticleAuthor.Contribution.AUTHOR) for slug in data["authors"]),
        *((row["person"], row["contribution"]) for row in data.get("contributors", [])),
    ]
    people = Person.objects.in_bulk([slug for slug, _contribution in named], field_name="slug")
    ArticleAuthor.objects.bulk_create(
        ArticleAuthor(
            article=article,
            person=people[slug],
            contribution=contribution,
            position=position,
            work_began_on=(data.get("published_on") or timezone.localdate()) - WORK,
        )
        for position, (slug, contribution) in enumerate(named, 1)
    )
    LearningObjective.objects.bulk_create(
        LearningObjective(
            article=article, text=text, position=position, bloom_level=proposed_level(text)
        )
        for position, text in enumerate(data["objectives"], 1)
    )
    Section.objects.bulk_create(
        Section(article=article, position=position, **_section_fields(section))
        for position, section in enumerate(data["sections"], 1)
    )
    Abbreviation.objects.bulk_create(
        Abbreviation(article=article, **row) for row in data.get("abbreviations", [])
    )
    Reference.objects.bulk_create(
        Reference(article=article, **reference) for reference in data["references"]
    )
    return article


def _assess(article: Article, assessments: dict[str, AssessmentData], on: date) -> None:
    """Settle every relationship of who is named, as the demonstration's staff would have."""
    for interest in interests(article, people_in_control(article, on)):
        decision = assessments[interest.relationship.company]
        mitigation = decision.get("mitigation", "")
        assess_relationship(
            article=article,
            relationship=interest.relationship,
            user=None,
            is_relevant=decision["is_relevant"],
            reason=decision["reason"],
            mitigation=mitigation,
            mitigated_on=interest.holder.work_began_on - timedelta(days=1) if mitigation else None,
        )


def _section_fields(data: SectionData) -> dict[str, Any]:
    """Return the fields of ``data``; what is drawn goes the way of an editor's upload."""
    fields: dict[str, Any] = {**data}
    if drawing := fields.pop("drawing", None):
        fields["image"] = ContentFile(DRAWINGS[drawing](), name=f"{drawing}.png")
    return fields


def _publish(
    article: Article, data: ArticleData, editor: User, reviewer: User
) -> ArticleVersion | None:
    published_on = data.get("published_on")
    if published_on is None:
        return None
    published_at = timezone.make_aware(datetime.combine(published_on, PUBLISHING_HOUR))
    submit_for_review(article=article, user=editor)
    approve_article(article=article, user=reviewer)
    return publish_article(article=article, user=editor, published_at=published_at)


def _load_topic(data: TopicData) -> None:
    parent = data.get("parent")
    Topic.objects.get_or_create(
        slug=data["slug"],
        defaults={
            "name": data["name"],
            "description": data["description"],
            "parent": Topic.objects.get(slug=parent) if parent else None,
        },
    )


def _load_funder(data: FunderData) -> None:
    funder, created = Funder.objects.get_or_create(
        name=data["name"], defaults={"country": data["country"], "website": data["website"]}
    )
    if not created:
        return
    for agreement in data["agreements"]:
        Agreement.objects.create(
            funder=funder,
            kind=agreement["kind"],
            nature=agreement.get("nature", ""),
            purpose=agreement.get("purpose", ""),
            level=SupportLevel.objects.get(rank=agreement["rank"]),
            starts_on=agreement["starts_on"],
            ends_on=agreement.get("ends_on"),
        )
    for former in data.get("former_names", []):
        funder.former_names.create(name=former["name"], last_day=former["last_day"])
    for name in data.get("trade_names", []):
        funder.trade_names.create(name=name)
    for host in data.get("product_sites", []):
        funder.product_sites.create(host=host)


def _load_person(data: PersonData) -> None:
    person, created = Person.objects.get_or_create(
        slug=data["slug"],
        defaults={
            "name": data["name"],
            "family_name": data["family_name"],
            "given_names": data["given_names"],
            "role": data["role"],
            "affiliation": data["affiliation"],
            "user": User.objects.filter(email=data.get("user", "")).first(),
        },
    )
    if not created:
        return
    declared_on = data["first_declared_on"]
    # Before the person's first article, and again and again until today: nothing is stale.
    while declared_on <= timezone.localdate():
        _declare(person, data, declared_on)
        declared_on += RENEWAL


def _declare(person: Person, data: PersonData, declared_on: date) -> None:
    disclosure = Disclosure.objects.create(
        person=person, declared_on=declared_on, has_none=not data["relationships"]
    )
    FinancialRelationship.objects.bulk_create(
        FinancialRelationship(disclosure=disclosure, **relationship)
        for relationship in data["relationships"]
    )
