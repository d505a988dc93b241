"""Who controls an article, what money they disclose, and what was done about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, OuterRef, prefetch_related_objects
from django.utils import timezone

from portal.people.models import Disclosure, FinancialRelationship, Person

from .models import Article, ArticleAuthor, RelevanceAssessment


@dataclass(frozen=True, slots=True)
class InControl:
    """Somebody who controls an article. ``row``: their place in the form, None for the approver."""

    person: Person
    work_began_on: date
    row: int | None
    is_author: bool
    disclosure: Disclosure | None


@dataclass(frozen=True, slots=True)
class Interest:
    """A disclosed relationship, and what was decided of it for one article."""

    holder: InControl
    relationship: FinancialRelationship
    assessment: RelevanceAssessment | None

    @property
    def is_mitigated_in_time(self) -> bool:
        """Whether what had to be done was dated before the person's work began (ACCME)."""
        day = self.assessment.mitigated_on if self.assessment else None
        return day is not None and day < self.holder.work_began_on

    @property
    def is_settled(self) -> bool:
        """Whether it keeps nothing from being published."""
        if self.assessment is None:
            return False
        return not self.assessment.is_relevant or self.is_mitigated_in_time


def people_in_control(article: Article, on: date | None = None) -> list[InControl]:
    """Return authors, writers and reviewers in the form's order, then the approver (≤ 6 queries).

    An approver without a ``Person`` is not among them: see ``approver_person``.
    """
    on = on or timezone.localdate()
    prefetch_related_objects([article], "article_authors__person__disclosures__relationships")
    found = [
        InControl(
            person=row.person,
            work_began_on=row.work_began_on,
            row=place,
            is_author=row.contribution == ArticleAuthor.Contribution.AUTHOR,
            disclosure=row.person.current_disclosure(on),
        )
        for place, row in enumerate(article.article_authors.all())
    ]
    approver = approver_person(article)
    if approver and approver.pk not in {one.person.pk for one in found}:
        began = timezone.localdate(article.approved_at) if article.approved_at else on
        found.append(InControl(approver, began, None, False, approver.current_disclosure(on)))
    return found


def approver_person(article: Article) -> Person | None:
    """Return whose disclosure stands for the approver's, or None (at most 3 queries)."""
    if article.approved_by_id is None:
        return None
    people = Person.objects.filter(user=article.approved_by_id)
    return people.prefetch_related("disclosures__relationships").first()


def interests(article: Article, people: Iterable[InControl]) -> list[Interest]:
    """Return every relationship that ``people`` disclose, with its latest assessment (1 query)."""
    latest: dict[tuple[int, str, str], RelevanceAssessment] = {}
    for assessment in article.relevance_assessments.order_by("assessed_at", "pk"):
        latest[assessment.person_id, _key(assessment.company), assessment.nature] = assessment
    return [
        Interest(
            holder,
            relationship,
            latest.get((holder.person.pk, _key(relationship.company), relationship.nature)),
        )
        for holder in people
        if holder.disclosure
        for relationship in holder.disclosure.relationships.all()
    ]


def _key(company: str) -> str:
    return " ".join(company.casefold().split())


def is_named() -> Exists:
    """Return the condition on a person: named by some article."""
    return Exists(ArticleAuthor.objects.filter(person=OuterRef("pk")))


def has_approved() -> Exists:
    """Return the condition on a person: the account that approved some article is theirs."""
    return Exists(Article.objects.filter(approved_by__person=OuterRef("pk")))
