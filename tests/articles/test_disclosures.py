"""What a reader sees of money: before the text, as it was and as it is now, and every change."""

import datetime
import re

import pytest
import time_machine
from django.utils import timezone

from articles.services import assess_relationship, withdraw_article
from portal.core.content_cache import memory
from tests.articles.test_content import text
from tests.factories import (
    AgreementFactory,
    DisclosureFactory,
    PublishableArticleFactory,
    UserFactory,
    publish,
    published_article,
    sign_by,
)

pytestmark = pytest.mark.django_db


def words(client, address):
    memory.forget()
    return re.sub(r"\s+", " ", text(client.get(address)))


def log(article):
    return f"/articles/{article.slug}/disclosures/"


@pytest.fixture
def article(db):
    """An article of an author who declared none when it was published."""
    article = PublishableArticleFactory(title="Late failure")
    person = article.article_authors.get().person
    person.name = "Dr Author"
    person.save()
    publish(article)
    return article


def declare(article, *companies, **fields):
    person = article.article_authors.get().person
    disclosure = DisclosureFactory(person=person, has_none=not companies, **fields)
    for company in companies:
        disclosure.relationships.create(company=company, nature="honoraria")
    return disclosure


@pytest.mark.parametrize("reader", ["client", "attested"])
def test_one_line_stands_before_the_text_and_the_details_on_demand(request, reader, article):
    reader = request.getfixturevalue(reader)
    html = reader.get(article.get_absolute_url()).content.decode()
    details = html[html.index('<div class="competing-interests">') :]
    details = details[: details.index("</details>")]
    assert "None declared.</summary>" in details
    assert html.index("competing-interests") < html.index("Learning objectives")
    assert f'href="{log(article)}"' in details
    assert "Now:" not in details


def test_a_later_declaration_stands_beside_the_recorded_one(client, article):
    declare(article, "Placebo Ltd")
    shown = words(client, article.get_absolute_url())
    assert (
        "Competing interests of Dr Author : None declared. Now: Placebo Ltd (honoraria)." in shown
    )
    assert article.published_version.document["disclosures"][0]["relationships"] == []


def test_what_is_declared_again_is_no_difference(client, article):
    declare(article)
    assert "Now:" not in words(client, article.get_absolute_url())


def test_what_is_not_renewed_is_said(client, article):
    with time_machine.travel(timezone.now() + datetime.timedelta(days=366)):
        assert "None declared. Now: not renewed." in words(client, article.get_absolute_url())


def test_relevance_and_mitigation_are_shown(client):
    article = PublishableArticleFactory()
    person = sign_by(article, has_none=False)
    relationship = person.disclosures.get().relationships.create(
        company="Placebo Ltd", nature="equity", ends_on=datetime.date(2025, 6, 1)
    )
    assess_relationship(
        article=article,
        relationship=relationship,
        user=None,
        is_relevant=True,
        reason="Same drug.",
        mitigation="peer_review",
        mitigated_on=timezone.localdate() - datetime.timedelta(days=9),
    )
    publish(article)
    shown = words(client, article.get_absolute_url())
    assert "1 of 1 people in control of this article declared a relationship." in shown
    assert (
        "Placebo Ltd (shares or options, ended 2025, relevant; mitigated: independent peer review "
        "of the content)."
    ) in shown


def test_the_approver_is_named(client):
    from articles.services import approve_article, publish_article, submit_for_review

    article = PublishableArticleFactory()
    submit_for_review(article=article, user=None)
    reviewer = UserFactory(group="Medical reviewers")
    approve_article(article=article, user=reviewer)
    publish_article(article=article, user=None)
    shown = words(client, article.get_absolute_url())
    assert f"{reviewer.person.name} : (approved this article) None declared." in shown


# --- the change log -------------------------------------------------------------------------------


def test_the_log_says_what_changed_and_never_rewrites(client, article):
    first = words(client, log(article))
    assert "Version 1" in first
    assert first.count("Dr Author: none declared") == 2
    declare(article, "Placebo Ltd")
    AgreementFactory(funder__name="Ada Foundation")
    changed = words(client, log(article))
    today = changed[changed.index("Today") : changed.index("Version 1")]
    assert "Changed: Lymphoma Education Hub is" in today
    assert "sponsored by Ada Foundation" in today
    assert "Dr Author: Placebo Ltd (honoraria)" in today
    assert "Changed , before: none declared." in today
    before = changed[changed.index("Version 1") :]
    assert "No company funds it at present. Dr Author: none declared" in before


def test_who_is_no_longer_named_is_said(client, article):
    article.article_authors.get().delete()
    other = DisclosureFactory(person__name="Dr Other").person
    article.article_authors.create(person=other)
    publish(article)
    assert "Dr Author is no longer named." in words(client, log(article))


def test_the_log_outlives_a_withdrawal_and_follows_the_address(client, article):
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert client.get(log(article)).status_code == 200
    draft = PublishableArticleFactory()
    assert client.get(log(draft)).status_code == 404
    old, article.slug = article.slug, "another"
    article.save()
    response = client.get(f"/articles/{old}/disclosures/")
    assert (response.status_code, response["Location"]) == (301, "/articles/another/disclosures/")


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_costs_the_same_however_long(client, count, django_assert_num_queries):
    article = published_article()
    for number in range(count):
        declare(article, f"Company {number}")
        [relationship] = (
            article.article_authors.get().person.disclosures.first().relationships.all()
        )
        assess_relationship(
            article=article, relationship=relationship, user=None, is_relevant=False, reason="x"
        )
        publish(article)
    client.get(log(article))
    with django_assert_num_queries(2):
        client.get(log(article))
