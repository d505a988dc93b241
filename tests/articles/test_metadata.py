"""What an article's head says to machines; all of it is public but the citations."""

import json
import re
from datetime import UTC, date, datetime
from html import unescape

import pytest
import time_machine
from django.utils import timezone

from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from tests.articles.test_discovery import author
from tests.factories import (
    AgreementFactory,
    DisclosureFactory,
    PublishableArticleFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db

EVIL = '</script><script>alert(1)</script><!-- & " \u2028'


def json_ld(html):
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def tags(html, attribute):
    """Names and contents of the head's <meta> elements, in their order."""
    pattern = rf'<meta {attribute}="([^"]+)"\s+content="([^"]*)">'
    return [(name, unescape(content)) for name, content in re.findall(pattern, html)]


@pytest.fixture
def article(db):
    """An article with one of everything, in its second version."""
    with time_machine.travel(datetime(2025, 3, 2, 9, tzinfo=UTC)):
        first = first_version()
    DisclosureFactory(person=first.article_authors.get(position=0).person)
    DisclosureFactory(person=first.article_authors.get(position=1).person)
    publish(first)
    memory.forget()
    return first


def first_version():
    SiteSettings.objects.create(name="The Hub", publisher_name="A Publisher")
    AgreementFactory(funder__name="Site Funder")
    grant = AgreementFactory(
        funder__name="Article Funder", kind="educational_grant", is_site_wide=False
    )
    article = PublishableArticleFactory(
        title="Late failure",
        slug="late-failure",
        summary="What happened. [@halpern]",
        medically_reviewed_on=date(2025, 3, 1),
    )
    article.article_authors.all().delete()
    for position, facts in enumerate(
        [
            {"name": "Dr Ada Exemplar", "slug": "ada"},
            {
                "name": "Dr Ben Specimen",
                "family_name": "Specimen",
                "given_names": "Ben",
                "slug": "ben",
                "role": "Haematologist",
                "affiliation": "Exampleton Hospital",
                "orcid": "0000-0002-1825-0097",
            },
        ]
    ):
        article.article_authors.create(position=position, person=author(**facts))
    topic = article.topics.get()
    topic.name = "Lymphoma"
    topic.save()
    article.objectives.create(position=2, text="Name the signs. [@halpern]")
    article.supported_by.add(grant)
    publish(article)
    return article


def graph(citations):
    url = "http://testserver/articles/late-failure/"
    today = timezone.localdate().isoformat()
    article = {
        "@type": ["MedicalScholarlyArticle", "LearningResource"],
        "@id": f"{url}#article",
        "url": url,
        "mainEntityOfPage": {"@id": url},
        "headline": "Late failure",
        "name": "Late failure",
        "abstract": "What happened.",
        "author": [
            {
                "@type": "Person",
                "name": "Dr Ada Exemplar",
                "url": "http://testserver/authors/ada/",
            },
            {
                "@type": "Person",
                "name": "Dr Ben Specimen",
                "url": "http://testserver/authors/ben/",
                "jobTitle": "Haematologist",
                "sameAs": "https://orcid.org/0000-0002-1825-0097",
                "affiliation": {"@type": "Organization", "name": "Exampleton Hospital"},
            },
        ],
        "publisher": {
            "@type": "Organization",
            "name": "A Publisher",
            "url": "http://testserver/",
        },
        "datePublished": "2025-03-02",
        "dateModified": today,
        "inLanguage": "en-GB",
        "isAccessibleForFree": True,
        "conditionsOfAccess": (
            "For healthcare professionals, who declare once that they are; free of charge."
        ),
        "learningResourceType": "Short report",
        "audience": {"@type": "MedicalAudience", "audienceType": "Clinician"},
        "teaches": ["Interpret a hazard ratio.", "Name the signs."],
        "timeRequired": "PT1M",
        "keywords": ["Lymphoma"],
        "funder": [
            {"@type": "Organization", "name": "Site Funder"},
            {"@type": "Organization", "name": "Article Funder"},
        ],
        **citations,
    }
    page = {
        "@type": "MedicalWebPage",
        "@id": url,
        "url": url,
        "name": "Late failure",
        "inLanguage": "en-GB",
        "medicalAudience": "https://schema.org/Clinician",
        "lastReviewed": "2025-03-01",
        "mainEntity": {"@id": f"{url}#article"},
    }
    return {"@context": "https://schema.org", "@graph": [article, page]}


def test_json_ld_of_the_teaser_has_no_citations(client, article):
    html = client.get(article.get_absolute_url()).content.decode()
    assert json_ld(html) == graph({})
    assert "Halpern" not in html


def test_json_ld_of_the_whole_page(attested, article):
    html = attested.get(article.get_absolute_url()).content.decode()
    cited = "Halpern SD. Solid-organ transplantation in HIV-infected patients. N Engl J Med."
    assert json_ld(html) == graph({"citation": [cited]})


def test_highwire_tags(client, article):
    html = client.get(article.get_absolute_url()).content.decode()
    today = timezone.localdate().strftime("%Y/%m/%d")
    found = [tag for tag in tags(html, "name") if tag[0].startswith("citation_")]
    assert found == [
        ("citation_title", "Late failure"),
        ("citation_author", "Dr Ada Exemplar"),
        ("citation_author", "Specimen, Ben"),
        ("citation_author_institution", "Exampleton Hospital"),
        ("citation_author_orcid", "https://orcid.org/0000-0002-1825-0097"),
        ("citation_publication_date", "2025/03/02"),
        ("citation_online_date", today),
        ("citation_publisher", "A Publisher"),
        ("citation_language", "en-GB"),
        ("citation_public_url", "http://testserver/articles/late-failure/"),
        ("citation_keywords", "Lymphoma"),
    ]


def test_open_graph_and_description(client, article):
    html = client.get(article.get_absolute_url()).content.decode()
    assert tags(html, "property") == [
        ("og:description", "What happened."),
        ("og:type", "article"),
        ("og:site_name", "The Hub"),
        ("og:locale", "en_GB"),
        ("og:title", "Late failure"),
        ("og:url", "http://testserver/articles/late-failure/"),
        ("article:published_time", "2025-03-02"),
        ("article:modified_time", timezone.localdate().isoformat()),
    ]
    assert ("description", "What happened.") in tags(html, "name")


def test_markup_ends_neither_the_script_nor_an_attribute(attested):
    article = PublishableArticleFactory(title=EVIL, summary=EVIL)
    article.objectives.all().delete()
    article.objectives.create(text=EVIL)
    article.references.update(csl={"title": EVIL})
    publish(article)
    html = attested.get(article.get_absolute_url()).content.decode()
    data = json_ld(html)["@graph"][0]
    assert [data[key] for key in ("headline", "abstract")] == [EVIL, EVIL]
    assert data["teaches"] == [EVIL]
    block = html.split("application/ld+json")[1].split("</script>")[0]
    assert not set("<&\u2028").intersection(block.partition(">")[2])
    assert dict(tags(html, "name"))["citation_title"] == EVIL
    assert "<script>alert" not in html


def test_a_preview_says_nothing_to_machines(desk):
    article = PublishableArticleFactory()
    html = desk.get(f"/admin/articles/article/{article.pk}/preview/").content.decode()
    assert "citation_title" not in html
    assert "ld+json" not in html
    assert "cite.ris" not in html
    assert "/authors/" not in html


def test_an_article_without_review_or_funder_claims_neither(client):
    html = client.get(published_article().get_absolute_url()).content.decode()
    article, page = json_ld(html)["@graph"]
    assert "funder" not in article
    assert "lastReviewed" not in page
