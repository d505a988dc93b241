import datetime
import json

import pytest

from articles.documents import build_document
from articles.models import Article, ArticleAuthor
from articles.services import assess_relationship
from portal.core.models import site_settings
from tests.factories import (
    ArticleFactory,
    DisclosureFactory,
    PublishableArticleFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db

DAY = datetime.date(2025, 12, 1)


def test_the_document_holds_everything_in_order():
    article = ArticleFactory(
        title="Late failure",
        slug="late-failure",
        medically_reviewed_on=DAY,
        next_review_due_on=datetime.date(2026, 12, 1),
        intended_audience="Haematologists.",
        ai_statement="No AI tools were used.",
        is_demo=True,
    )
    first = DisclosureFactory(person__name="A. One", person__slug="one", declared_on=DAY).person
    second = DisclosureFactory(
        person__name="B. Two", person__slug="two", declared_on=DAY, has_none=False
    )
    second.relationships.create(
        company="A company", nature="honoraria", starts_on=datetime.date(2025, 1, 1)
    )
    article.article_authors.create(person=second.person, position=2)
    article.article_authors.create(person=first, position=1)
    reviewer = DisclosureFactory(
        person__name="C. Three", person__slug="three", person__role="Reviewer", declared_on=DAY
    ).person
    article.article_authors.create(
        person=reviewer, position=0, contribution=ArticleAuthor.Contribution.MEDICAL_REVIEWER
    )
    article.abbreviations.create(short="ORR", long="overall response rate")
    article.topics.add(TopicFactory(name="Lymphoma", slug="lymphoma"))
    article.objectives.create(text="Cite a finding.", bloom_level="remember")
    article.references.create(key="erbella", csl={"title": "A title"})
    assess_relationship(
        article=article,
        relationship=second.relationships.get(),
        user=None,
        is_relevant=True,
        reason="Same drug.",
        mitigation="peer_review",
        mitigated_on=datetime.date(2025, 11, 1),
    )
    article.sections.create(position=1, heading="The study", body="<p>word [@erbella]</p>")
    article.sections.create(position=2, heading="The study", body="<p onclick='x'>word</p>")
    article.sections.create(position=3, kind="key_learning", body="<p>word</p>")
    document = build_document(article, DAY)
    assert json.loads(json.dumps(document)) == {
        "schema": 3,
        "title": "Late failure",
        "slug": "late-failure",
        "type": "short_report",
        "summary": "What everybody may read.",
        "authors": [
            {"name": "A. One", "slug": "one", "role": "", "affiliation": "", "orcid": ""},
            {"name": "B. Two", "slug": "two", "role": "", "affiliation": "", "orcid": ""},
        ],
        "topics": [{"name": "Lymphoma", "slug": "lymphoma"}],
        "objectives": ["Cite a finding."],
        "sections": [
            {
                "kind": "key_learning",
                "heading": "",
                "anchor": "section-key-learning",
                "html": "<p>word</p>",
            },
            {
                "kind": "text",
                "heading": "The study",
                "anchor": "section-the-study",
                "html": "<p>word [@erbella]</p>",
            },
            {
                "kind": "text",
                "heading": "The study",
                "anchor": "section-the-study-2",
                "html": "<p>word</p>",
            },
        ],
        "references": [{"key": "erbella", "csl": {"title": "A title"}}],
        "disclosures": [
            {
                "name": "A. One",
                "slug": "one",
                "declared_on": "2025-12-01",
                "has_none": True,
                "relationships": [],
            },
            {
                "name": "B. Two",
                "slug": "two",
                "declared_on": "2025-12-01",
                "has_none": False,
                "relationships": [
                    {
                        "company": "A company",
                        "nature": "honoraria",
                        "starts_on": "2025-01-01",
                        "ends_on": None,
                        "is_relevant": True,
                        "mitigation": "peer_review",
                        "mitigated_on": "2025-11-01",
                    }
                ],
            },
            {
                "name": "C. Three",
                "slug": "three",
                "declared_on": "2025-12-01",
                "has_none": True,
                "relationships": [],
            },
        ],
        "funding": {
            "on": "2025-12-01",
            "statement": (
                "Lymphoma Education Hub is an independent medical education platform. "
                "No company funds it at present."
            ),
            "site_wide": [],
            "restricted": [],
        },
        "medically_reviewed_on": "2025-12-01",
        "published_on": "2025-12-01",
        "updated_on": None,
        "reading_minutes": 1,
        "is_demo": True,
        "objective_levels": ["remember"],
        "intended_audience": "Haematologists.",
        "next_review_due_on": "2026-12-01",
        "contributors": [
            {
                "name": "C. Three",
                "slug": "three",
                "contribution": "medical_reviewer",
                "role": "Reviewer",
                "affiliation": "",
            }
        ],
        "ai_statement": "No AI tools were used.",
        "abbreviations": [{"short": "ORR", "long": "overall response rate"}],
    }


@pytest.mark.parametrize(("words", "minutes"), [(1, 1), (200, 1), (201, 2), (1000, 5)])
def test_reading_time_is_rounded_up(words, minutes):
    article = ArticleFactory(summary="")
    article.sections.create(body=f"<p>{'word ' * words}</p>")
    assert build_document(article, DAY)["reading_minutes"] == minutes


def test_a_document_costs_the_same_queries_however_long(django_assert_num_queries):
    article = PublishableArticleFactory()
    site_settings()  # remembered from here on
    with django_assert_num_queries(14):
        build_document(Article.objects.get(), DAY)
    for number in range(3):
        article.article_authors.create(person=DisclosureFactory().person, position=number + 2)
        article.sections.create(position=number + 3, body="<p>more</p>")
    with django_assert_num_queries(14):
        build_document(Article.objects.get(), DAY)
