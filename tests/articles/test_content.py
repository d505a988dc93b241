"""What an article says of itself: for whom, by whom, how it was made, when it is due for review."""

import copy
import datetime
import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format

from articles.models import Article, ArticleAuthor
from articles.pages import render_page
from tests.articles.desk_forms import panels
from tests.articles.test_pages import text
from tests.factories import (
    DisclosureFactory,
    PublishableArticleFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db

Contribution = ArticleAuthor.Contribution
# What schema 2 added: a document of schema 1 has none of it.
ADDED = (
    "objective_levels",
    "intended_audience",
    "next_review_due_on",
    "contributors",
    "ai_statement",
    "abbreviations",
)


@pytest.fixture
def article():
    today = timezone.localdate()
    article = PublishableArticleFactory(
        intended_audience="Haematologists <all>.",
        medically_reviewed_on=today,
        next_review_due_on=today + datetime.timedelta(days=365),
        ai_statement="A tool <X> checked the spelling.",
    )
    for position, (name, contribution) in enumerate(
        [("Wanda Writer", Contribution.MEDICAL_WRITER), ("Rex Reviewer", "medical_reviewer")], 2
    ):
        person = DisclosureFactory(person__name=name, person__slug=f"person-{position}").person
        article.article_authors.create(person=person, contribution=contribution, position=position)
    article.abbreviations.create(short="ORR", long="overall response rate")
    article.sections.create(position=3, heading="Results", body="<p>The ORR was 52%.</p>")
    article.sections.create(position=4, heading="More", body="<p>The ORR fell.</p>")
    publish(article)
    return article


def test_readers_learn_who_made_it_and_how(article, attested):
    words = text(attested.get(article.get_absolute_url()))
    byline = words[words.index("By ") : words.index("Published")]
    assert article.article_authors.first().person.name in byline
    assert "Wanda Writer" not in byline
    made = words[words.index("How this article was made") : words.index("Cite this article")]
    assert re.sub(r"\s+", " ", made).strip() == (
        "How this article was made Medical writer: Wanda Writer "
        "Medical reviewer: Rex Reviewer Use of AI tools: "
        "A tool &lt;X&gt; checked the spelling."
    )
    for name in ("Wanda Writer", "Rex Reviewer"):
        assert re.search(rf"Competing interests of\s+{name}\s*:\s+None declared\.", words)
    assert "Intended for: Haematologists &lt;all&gt;." in words
    due = date_format(article.next_review_due_on, "j F Y")
    assert f"Next review due {due}" in words
    assert "By Wanda" not in words
    cite = words[words.index("Cite this article") :]
    assert "Wanda Writer" not in cite


def test_an_article_is_cited_by_family_names_without_titles(attested):
    article = PublishableArticleFactory(title="Late failure")
    person = article.article_authors.get().person
    person.name, person.family_name, person.given_names = "Prof. Ada Exemplar", "Exemplar", "Ada"
    person.save()
    article.article_authors.create(position=9, person=DisclosureFactory(person__name="ABC").person)
    publish(article)
    words = text(attested.get(article.get_absolute_url()))
    assert re.search(r"Cite this article\s+Exemplar A; ABC\. Late failure", words)


def test_the_teaser_discloses_everybody_and_keeps_the_body(article, client):
    words = text(client.get(article.get_absolute_url()))
    assert re.search(r"Competing interests of\s+Rex Reviewer\s*:\s+None declared\.", words)
    assert "Haematologists" in words
    assert "ORR" not in words


def test_the_version_protects_everybody_whom_it_names(article):
    assert set(article.published_version.people.values_list("name", flat=True)) >= {
        "Wanda Writer",
        "Rex Reviewer",
    }


def test_abbreviations_are_expanded_once_over_all_sections(article, attested):
    html = attested.get(article.get_absolute_url()).content.decode()
    assert "<p>The overall response rate (ORR) was 52%.</p>" in html
    assert '<p>The <abbr title="overall response rate">ORR</abbr> fell.</p>' in html


def test_a_document_of_schema_1_still_shows(article):
    document = copy.deepcopy(article.published_version.document)
    document["schema"] = 1
    for field in ADDED:
        del document[field]
    page = render_page(article, document)
    assert "The ORR was 52%." in page.body
    assert "How this article was made" not in page.body
    assert "Intended for" not in page.header
    assert "Next review due" not in page.header


# --- due for medical review -----------------------------------------------------------------------


def due(days, **fields):
    day = timezone.localdate() + datetime.timedelta(days=days)
    return published_article(next_review_due_on=day, **fields)


@pytest.mark.parametrize("count", [1, 3])
def test_the_desk_lists_what_is_due_for_review(desk, count, django_assert_num_queries):
    for number in range(count):
        due(-number, title=f"Due {number}")
    due(1, title="Due tomorrow")
    published_article(title="Never due")
    PublishableArticleFactory(
        title="A draft", next_review_due_on=timezone.localdate() - datetime.timedelta(days=9)
    )
    day = timezone.localdate() - datetime.timedelta(days=count - 1)
    shown = panels(desk)["Due for medical review"]
    assert [label for label, _note in shown] == [f"Due {n}" for n in reversed(range(count))]
    assert shown[0][1] == f"since {date_format(day, 'j F Y')}"
    with django_assert_num_queries(1):
        list(Article.objects.published().due_for_review(timezone.localdate()))


def test_overdue_blocks_nothing():
    article = due(-1)
    publish(article)
    assert article.versions.count() == 2


def test_the_next_review_comes_after_the_last_one():
    today = timezone.localdate()
    article = PublishableArticleFactory()
    article.medically_reviewed_on = article.next_review_due_on = today
    with pytest.raises(ValidationError, match=re.escape("due after the last one")):
        article.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        article.save()
