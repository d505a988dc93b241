"""Two years of a portal: who pays, who declares, what is published. The days are London's.

``EVENTS`` in their order; what they lead to stands in ``two_years.toml``, written by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest
from django.utils import timezone

from articles.models import Article
from articles.services import (
    PublicationBlocked,
    approve_article,
    assess_relationship,
    publish_article,
    record_edit,
    submit_for_review,
    withdraw_article,
)
from portal.accounts.models import User
from portal.funders.models import Agreement, Funder, SupportLevel
from portal.people.models import Person
from tests.factories import DisclosureFactory, PersonFactory, PublishableArticleFactory, UserFactory

SPONSORSHIP, GRANT = Agreement.Kind.SPONSORSHIP, Agreement.Kind.EDUCATIONAL_GRANT
# Relevant wherever it is declared, and mitigated before any work began; nothing else is.
MITIGATED = {
    "is_relevant": True,
    "reason": "Same field.",
    "mitigation": "peer_review",
    "mitigated_on": date(2024, 1, 10),
}
NOT_RELEVANT = {"is_relevant": False, "reason": "Another field."}
WORK_BEGAN = date(2024, 1, 15)


@dataclass
class World:
    """Everybody and everything, by the names that the scenario uses."""

    editor: User
    reviewer: User
    people: dict[str, Person] = field(default_factory=dict)
    articles: dict[str, Article] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)


Event = tuple[str, Callable[[World], None]]


def begin() -> World:
    """Make the accounts and the people; nobody has declared anything yet."""
    reviewer = UserFactory(group="Medical reviewers", name="Rhea Rowan")
    Person.objects.filter(user=reviewer).update(user=None)
    world = World(UserFactory(group="Editors", name="Erin Elm"), reviewer)
    for key, name in (
        ("ada", "Dr Ada Amber"),
        ("ben", "Dr Ben Birch"),
        ("cleo", "Dr Cleo Cedar"),
        ("rhea", "Prof Rhea Rowan"),
    ):
        world.people[key] = PersonFactory(name=name, slug=key)
    world.people["rhea"].user = reviewer
    world.people["rhea"].save()
    return world


def declare(who: str, **companies: tuple[str, str, date | None]) -> Callable[[World], None]:
    """``companies``: any name → company, nature, last day."""

    def happen(world: World) -> None:
        disclosure = DisclosureFactory(person=world.people[who], has_none=not companies)
        for company, nature, ends_on in companies.values():
            disclosure.relationships.create(company=company, nature=nature, ends_on=ends_on)

    return happen


def sign(key: str, name: str, kind: str, rank: int, starts_on: str, ends_on: str = "", **fields):
    def happen(world: World) -> None:
        funder, _created = Funder.objects.get_or_create(name=name)
        world.agreements[key] = Agreement.objects.create(
            funder=funder,
            kind=kind,
            level=SupportLevel.objects.get(rank=rank),
            starts_on=date.fromisoformat(starts_on),
            ends_on=date.fromisoformat(ends_on) if ends_on else None,
            **fields,
        )

    return happen


def end(key: str, last_day: str) -> Callable[[World], None]:
    def happen(world: World) -> None:
        world.agreements[key].ends_on = date.fromisoformat(last_day)
        world.agreements[key].save()

    return happen


def rename(old: str, new: str, last_day: str) -> Callable[[World], None]:
    def happen(world: World) -> None:
        funder = Funder.objects.get(name=old)
        funder.former_names.create(name=old, last_day=date.fromisoformat(last_day))
        funder.name = new
        funder.save()

    return happen


def write(key: str, who: str, supported_by: str = "") -> Callable[[World], None]:
    """Write, assess, review and publish an article."""

    def happen(world: World) -> None:
        _draft(world, key, who, supported_by)
        _publish(world, key, who)

    return happen


def try_in_vain(key: str, who: str, refusal: str) -> Callable[[World], None]:
    """Write an article, and be refused."""

    def happen(world: World) -> None:
        article = _draft(world, key, who)
        with pytest.raises(PublicationBlocked) as refused:
            submit_for_review(article=article, user=world.editor)
        assert [block.message for block in refused.value.blocks] == [refusal]

    return happen


def publish_at_last(key: str, who: str) -> Callable[[World], None]:
    return lambda world: _publish(world, key, who)


def correct(key: str, who: str) -> Callable[[World], None]:
    notice = f"A unit in article {key} was wrong."
    return lambda world: _publish(world, key, who, kind="correction", notice=notice)


def withdraw(key: str) -> Callable[[World], None]:
    return lambda world: withdraw_article(
        article=world.articles[key], user=world.editor, reason="Its main source was retracted."
    )


def _draft(world: World, key: str, who: str, supported_by: str = "") -> Article:
    article = PublishableArticleFactory(title=f"Article {key}", slug=f"article-{key}")
    article.article_authors.update(person=world.people[who], work_began_on=WORK_BEGAN)
    if supported_by:
        article.supported_by.add(world.agreements[supported_by])
    world.articles[key] = article
    return article


def _publish(world: World, key: str, who: str, **options: str) -> None:
    article = world.articles[key]
    record_edit(article=article, user=world.editor)
    _assess(world, article, world.people[who])
    submit_for_review(article=article, user=world.editor)
    approve_article(article=article, user=world.reviewer)
    publish_article(article=article, user=world.editor, **options)


def _assess(world: World, article: Article, person: Person) -> None:
    disclosure = Person.objects.get(pk=person.pk).current_disclosure()
    assessed = set(article.relevance_assessments.values_list("company", flat=True))
    for relationship in disclosure.relationships.exclude(company__in=assessed):
        decision = MITIGATED if relationship.company == "Mock Medical" else NOT_RELEVANT
        assess_relationship(
            article=article, relationship=relationship, user=world.editor, **decision
        )


def local(moment: str) -> datetime:
    return timezone.make_aware(datetime.fromisoformat(moment))


CONSULTANCY = ("Mock Medical", "consultancy", None)
HONORARIA = ("Placebo Ltd", "honoraria", None)
EVENTS: list[Event] = [
    ("2024-01-02 09:00", declare("rhea")),
    ("2024-01-05 09:00", declare("ada")),
    ("2024-01-05 09:00", declare("ben", one=CONSULTANCY)),
    # Signed before it begins.
    ("2024-01-10 09:00", sign("beta", "Beta Biotech", SPONSORSHIP, 2, "2024-01-15")),
    ("2024-01-20 10:00", write("a", "ada")),
    ("2024-02-12 10:00", write("b", "ben")),
    ("2024-03-01 09:00", sign("alpha3", "Alpha Pharma", SPONSORSHIP, 3, "2024-03-01")),
    ("2024-03-05 10:00", write("c", "ada")),
    (
        "2024-03-20 09:00",
        sign("gamma", "Gamma Foundation", GRANT, 2, "2024-04-01", "2024-12-31"),
    ),
    ("2024-05-02 09:00", declare("cleo")),
    ("2024-05-10 10:00", write("d", "ben")),
    # Another level is another agreement.
    ("2024-05-31 09:00", end("alpha3", "2024-05-31")),
    ("2024-05-31 09:00", sign("alpha1", "Alpha Pharma", SPONSORSHIP, 1, "2024-06-01")),
    ("2024-06-15 10:00", write("e", "cleo")),
    ("2024-07-01 09:00", declare("rhea")),
    ("2024-07-08 10:00", correct("b", "ben")),
    ("2024-08-01 09:00", rename("Beta Biotech", "Zeta Biotech", "2024-07-31")),
    (
        "2024-08-20 09:00",
        sign(
            "delta",
            "Delta Trust",
            GRANT,
            1,
            "2024-09-01",
            "2025-08-31",
            is_site_wide=False,
            purpose="Named articles",
        ),
    ),
    ("2024-09-10 10:00", write("f", "ada", supported_by="delta")),
    ("2024-10-01 09:00", end("beta", "2024-10-14")),
    ("2024-11-05 10:00", write("g", "cleo")),
    # The same again, in time: no reader sees a difference.
    ("2024-12-01 09:00", declare("ben", one=CONSULTANCY)),
    ("2024-12-12 10:00", write("h", "ben")),
    ("2025-01-06 09:00", declare("rhea")),
    ("2025-01-15 10:00", correct("e", "cleo")),
    # Ada's disclosure of 5 January 2024 spoke for a year.
    (
        "2025-01-20 10:00",
        try_in_vain(
            "i", "ada", "Dr Ada Amber has no current disclosure of financial relationships."
        ),
    ),
    ("2025-01-25 09:00", sign("sponsor", "Epsilon Labs", SPONSORSHIP, 1, "2025-02-01")),
    ("2025-01-25 09:00", sign("grant", "Epsilon Labs", GRANT, 3, "2025-02-01")),
    ("2025-02-10 09:00", declare("ada", one=HONORARIA)),
    ("2025-02-11 10:00", publish_at_last("i", "ada")),
    ("2025-03-10 10:00", correct("c", "ada")),
    ("2025-04-01 10:00", withdraw("d")),
    ("2025-04-30 09:00", end("alpha1", "2025-04-30")),
    ("2025-04-30 09:00", sign("alpha4", "Alpha Pharma", SPONSORSHIP, 4, "2025-05-01")),
    (
        "2025-05-10 10:00",
        try_in_vain(
            "j", "cleo", "Dr Cleo Cedar has no current disclosure of financial relationships."
        ),
    ),
    ("2025-05-20 09:00", declare("cleo")),
    ("2025-05-21 10:00", publish_at_last("j", "cleo")),
    (
        "2025-06-02 09:00",
        declare("ben", one=CONSULTANCY, two=("Fabric Devices", "travel", None)),
    ),
    ("2025-06-10 10:00", write("k", "ben")),
    ("2025-06-20 09:00", end("alpha4", "2025-06-30")),
    ("2025-08-25 09:00", sign("gamma2", "Gamma Foundation", GRANT, 1, "2025-09-01")),
    ("2025-10-01 09:00", rename("Epsilon Labs", "Epsilon Life", "2025-09-30")),
    ("2025-10-20 09:00", end("sponsor", "2025-10-31")),
    ("2025-11-20 09:00", declare("ada", one=("Placebo Ltd", "honoraria", date(2025, 6, 30)))),
    ("2025-11-21 10:00", write("l", "ada")),
    ("2025-12-01 09:00", end("gamma2", "2025-12-14")),
    ("2025-12-01 09:00", end("grant", "2025-12-14")),
]
