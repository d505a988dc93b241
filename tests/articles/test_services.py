import datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from articles.blocks import publication_blocks
from articles.models import Article, ArticleVersion
from articles.services import (
    PublicationBlocked,
    approve_article,
    publish_article,
    schedule_article,
    submit_for_review,
)
from articles.signals import article_published
from tests.factories import (
    AgreementFactory,
    ArticleFactory,
    DisclosureFactory,
    PersonFactory,
    PublishableArticleFactory,
    UserFactory,
    approved_article,
    publish,
    published_article,
    sign_by,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """What listeners of ``article_published`` were told."""
    calls = []

    def listen(sender, article, version, is_first, **kwargs):
        calls.append((article.pk, version.number, is_first))

    article_published.connect(listen)
    yield calls
    article_published.disconnect(listen)


def blocks(article):
    return {(block.field, block.message) for block in publication_blocks(article)}


def test_nothing_blocks_the_publishable_article():
    assert publication_blocks(PublishableArticleFactory()) == []


def test_an_empty_draft_says_everything_that_is_missing():
    article = ArticleFactory(title=" ", summary="")
    assert blocks(article) == {
        ("title", "The article has no title."),
        ("summary", "The article has no summary."),
        ("topics", "The article belongs to no topic."),
        (
            "ai_statement",
            (
                "The article does not say whether AI tools were used, for example: "
                "“No AI tools were used.”"
            ),
        ),
        ("article_authors", "The article has no author."),
        ("objectives", "The article has no learning objective."),
        ("sections", "The article has no section of text."),
    }


def _without(part):
    def remove(article):
        getattr(article, part).all().delete()

    return remove


def _declared(days):
    return timezone.localdate() + datetime.timedelta(days=days)


BREAKS = {
    "no topic": (lambda article: article.topics.clear(), {"topics"}),
    "no author": (_without("article_authors"), {"article_authors"}),
    "a writer, but no author": (
        lambda article: article.article_authors.update(contribution="medical_writer"),
        {"article_authors"},
    ),
    "a reviewer without a disclosure": (
        lambda article: article.article_authors.create(
            person=PersonFactory(), contribution="medical_reviewer", position=2
        ),
        {"article_authors-1"},
    ),
    "no word on AI tools": (
        lambda article: Article.objects.update(ai_statement=" "),
        {"ai_statement"},
    ),
    "no objective": (_without("objectives"), {"objectives"}),
    "no reference, but cited": (_without("references"), {"sections-0", "sections-1"}),
    "no text section": (
        lambda article: article.sections.filter(kind="text").delete(),
        {"sections"},
    ),
    "blank title": (lambda article: Article.objects.update(title=" "), {"title"}),
    "blank summary": (lambda article: Article.objects.update(summary=""), {"summary"}),
    "no disclosure": (lambda article: sign_by(article, declared=False), {"article_authors-0"}),
    "stale disclosure": (
        lambda article: sign_by(article, declared_on=_declared(-365)),
        {"article_authors-0"},
    ),
    "disclosure of tomorrow": (
        lambda article: sign_by(article, declared_on=_declared(1)),
        {"article_authors-0"},
    ),
    "disclosure that says nothing": (
        lambda article: sign_by(article, has_none=False),
        {"article_authors-0"},
    ),
    "unmeasurable objective": (
        lambda article: article.objectives.update(text="Understand hazard ratios."),
        {"objectives-0"},
    ),
    "key data without a citation": (
        lambda article: article.sections.filter(kind="key_data").update(body="<p>Numbers.</p>"),
        {"sections-1"},
    ),
    "key learning without a citation": (
        lambda article: article.sections.create(
            position=3, kind="key_learning", body="<p>Learnt.</p>"
        ),
        {"sections-2"},
    ),
    "key data that cites what is not there": (
        lambda article: article.sections.filter(kind="key_data").update(body="<p>x [@gone]</p>"),
        {"sections-1"},
    ),
    "a table without header cells": (
        lambda article: article.sections.create(
            position=3,
            kind="table",
            heading="Responses",
            body="<table><tbody><tr><td>22.6%</td></tr></tbody></table>",
        ),
        {"sections-2"},
    ),
    "unknown citation": (
        lambda article: article.sections.filter(kind="text").update(body="<p>x [@gone]</p>"),
        {"sections-0"},
    ),
    "empty section": (
        lambda article: article.sections.create(position=3, heading="Discussion", body="<p></p>"),
        {"sections-2"},
    ),
}


# What is no content of the article: approved with it, the article is the same without it.
NO_CONTENT = {
    "no disclosure",
    "stale disclosure",
    "disclosure of tomorrow",
    "disclosure that says nothing",
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_blocks_publishing_and_nothing_is_written(name, heard):
    break_it, fields = BREAKS[name]
    article = approved_article()
    break_it(article)
    with pytest.raises(PublicationBlocked) as caught:
        publish_article(article=article, user=None)
    # "" is the change since the approval.
    assert {block.field for block in caught.value.blocks} == fields | (
        set() if name in NO_CONTENT else {""}
    )
    assert ArticleVersion.objects.count() == 0
    assert Article.objects.get().status == Article.Status.APPROVED
    assert heard == []


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_blocks_every_step_towards_publishing(name):
    break_it, fields = BREAKS[name]
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    draft, submitted, approved = PublishableArticleFactory(), PublishableArticleFactory(), None
    submit_for_review(article=submitted, user=None)
    approved = approved_article()
    steps = [
        (draft, lambda: submit_for_review(article=draft, user=None)),
        (submitted, lambda: approve_article(article=submitted, user=None)),
        (approved, lambda: schedule_article(article=approved, user=None, scheduled_for=tomorrow)),
    ]
    for article, step in steps:
        before = article.status
        with transaction.atomic():
            break_it(article)
            with pytest.raises(PublicationBlocked) as caught:
                step()
            transaction.set_rollback(True)
        assert fields <= {block.field for block in caught.value.blocks} <= fields | {""}
        assert Article.objects.get(pk=article.pk).status == before


def test_only_who_may_publish_publishes(editor):
    article = approved_article()
    for user in (UserFactory(), UserFactory(group="Staff")):
        with pytest.raises(PermissionDenied):
            publish_article(article=article, user=user)
    version = publish_article(article=article, user=editor, comment="First")
    assert (version.published_by, version.comment) == (editor, "First")


def test_publishing_writes_the_first_version_and_tells(heard):
    article = approved_article()
    version = publish_article(article=article, user=None)
    assert (article.status, article.published_version, version.number) == ("published", version, 1)
    assert article.first_published_at == version.published_at
    assert heard == [(article.pk, 1, True)]
    [author] = article.article_authors.all()
    assert list(version.people.all()) == [author.person]


def test_readers_keep_the_old_version_until_the_next(heard):
    article = published_article(title="Old")
    article.title = "New"
    article.save()
    assert article.published_version.document["title"] == "Old"
    version = publish(article)
    assert version.number == 2
    assert article.published_version.document["title"] == "New"
    assert article.first_published_at == ArticleVersion.objects.get(number=1).published_at
    assert heard == [(article.pk, 1, True), (article.pk, 2, False)]


def test_a_button_pressed_twice_publishes_once():
    article = approved_article()
    publish_article(article=article, user=None, after_version=0)
    with pytest.raises(PublicationBlocked, match="Version 1 has been published in the meantime"):
        publish_article(article=article, user=None, after_version=0)
    assert article.versions.count() == 1


def test_a_listener_that_fails_takes_the_version_with_it():
    def fail(**kwargs):
        raise RuntimeError("no")

    article = approved_article()
    article_published.connect(fail)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            publish_article(article=article, user=None)
    finally:
        article_published.disconnect(fail)
    assert ArticleVersion.objects.count() == 0


def test_the_database_refuses_to_change_a_version():
    version = published_article().published_version
    with pytest.raises(ProgrammingError), transaction.atomic():
        ArticleVersion.objects.update(number=7)
    with pytest.raises(ProtectedError):
        version.delete()
    with pytest.raises(ProgrammingError), transaction.atomic():
        ArticleVersion.objects.all()._raw_delete("default")


def test_earlier_publication_uses_that_day():
    day = timezone.now() - datetime.timedelta(days=30)
    article = PublishableArticleFactory()
    sign_by(article, declared_on=_declared(-60))
    version = publish(article, published_at=day)
    assert version.document["published_on"] == timezone.localdate(day).isoformat()
    assert article.updated_at == day
    with pytest.raises(ValueError, match="future"):
        publish(article, published_at=timezone.now() + datetime.timedelta(days=1))


def test_funders_of_the_day_are_linked_and_protected():
    site_wide = AgreementFactory()
    AgreementFactory(starts_on="2020-01-01", ends_on="2020-12-31")
    restricted = AgreementFactory(is_site_wide=False, kind="educational_grant")
    article = PublishableArticleFactory()
    article.supported_by.add(restricted)
    version = publish(article)
    assert set(version.funders.all()) == {site_wide.funder, restricted.funder}
    assert version.document["funding"]["site_wide"] == [
        {
            "name": site_wide.funder.name,
            "kind": "sponsorship",
            "agreement": site_wide.pk,
            "nature": "",
            "level": "Principal",
        }
    ]
    assert [one["agreement"] for one in version.document["funding"]["restricted"]] == [
        restricted.pk
    ]


def test_later_changes_never_rewrite_the_document():
    article = published_article()
    before = ArticleVersion.objects.get().document
    person = article.article_authors.get().person
    person.name = "Renamed"
    person.save()
    disclosure = DisclosureFactory(person=person, has_none=False)
    disclosure.relationships.create(company="A company", nature="honoraria")
    assert ArticleVersion.objects.get().document == before
