"""RIS and BibTeX: exact to the character, whatever stands in a title, and public text alone."""

from datetime import UTC, datetime

import pytest
import time_machine

from articles.citation_files import bibtex, published_citation, ris
from articles.models import ArticleVersion
from articles.services import withdraw_article
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from tests.articles.test_discovery import author
from tests.factories import DisclosureFactory, PublishableArticleFactory, publish, published_article

pytestmark = pytest.mark.django_db


TITLE = "Αγ & β: 50% of {cells}_A #1 \\ ~ ^ <x> $5"  # noqa: RUF001


@pytest.fixture
def article(db):
    with time_machine.travel(datetime(2025, 11, 17, 9, tzinfo=UTC)):
        SiteSettings.objects.create(name="The Hub", publisher_name="Smith & Sons")
        article = PublishableArticleFactory(
            title=TITLE,
            slug="late_failure-1",
            summary="First line. [@halpern]\r\nER  - \tsecond line.\x0b}",
        )
        article.article_authors.all().delete()
        people = [
            author(name="Dr Ada Exemplar"),
            author(name="Zoë Müller, MD", family_name="Müller", given_names="Zoë"),
            author(name="Band and Sons"),
            author(name="Sands of {Time}", family_name="Sands, of", given_names="{Time}"),
        ]
        for position, person in enumerate(people):
            article.article_authors.create(position=position, person=person)
        topic = article.topics.get()
        topic.name = "T & B cells"
        topic.save()
        publish(article)
    memory.forget()
    return article


RIS = [
    "TY  - ELEC",
    "AU  - Dr Ada Exemplar",
    "AU  - Müller, Zoë",
    "AU  - Band and Sons",
    "AU  - Sands of, {Time}",
    f"TI  - {TITLE}",
    "T2  - The Hub",
    "PB  - Smith & Sons",
    "PY  - 2025",
    "DA  - 2025/11/17",
    "ET  - 1",
    "AB  - First line. ER - second line. }",
    "KW  - T & B cells",
    "UR  - http://testserver/articles/late_failure-1/",
    "ID  - late_failure-1",
    "ER  - ",
]

LATEX_TITLE = (
    r"Αγ \& β: 50\% of \textbraceleft{}cells\textbraceright{}\_A \#1 \textbackslash{} "  # noqa: RUF001
    r"\textasciitilde{} \textasciicircum{} \textless{}x\textgreater{} \$5"
)
BIBTEX = [
    "@misc{late_failure-1,",
    (
        r"  author = {{Dr Ada Exemplar} and {Müller}, {Zoë} and {Band and Sons}"
        r" and {Sands, of}, {\textbraceleft{}Time\textbraceright{}}},"
    ),
    f"  title = {{{{{LATEX_TITLE}}}}},",
    "  howpublished = {The Hub},",
    r"  publisher = {Smith \& Sons},",
    "  year = {2025},",
    "  day = {17},",
    "  edition = {1},",
    r"  abstract = {First line. ER - second line. \textbraceright{}},",
    r"  keywords = {T \& B cells},",
    "  url = {http://testserver/articles/late_failure-1/},",
    "  month = nov,",
    "}",
]


def test_ris(client, article):
    response = client.get("/articles/late_failure-1/cite.ris")
    assert response["Content-Type"] == "application/x-research-info-systems; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="late_failure-1.ris"'
    assert response.content.decode() == "".join(f"{line}\r\n" for line in RIS)


def test_bibtex(client, article):
    response = client.get("/articles/late_failure-1/cite.bib")
    assert response["Content-Type"] == "application/x-bibtex; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="late_failure-1.bib"'
    assert response.content.decode() == "".join(f"{line}\n" for line in BIBTEX)


@pytest.mark.parametrize("title", ["{", "}", "}{", "\\{", "\\", "\\}", "{{}", "%", "}\n@misc{x,"])
def test_braces_are_balanced_at_every_place(title):
    article = published_article(title=title, summary=title)
    depth = 0
    text = bibtex(published_citation(article.slug))
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        # As BibTeX counts, a backslash before it or not; the entry ends with the file.
        assert depth > 0 or "{" not in text[: place + 1] or place >= len(text) - 2
    assert depth == 0


@pytest.mark.parametrize("title", ["A\nER  - \n\nTY  - BOOK", "A\r\nTI  - B", "A\u2028TI  - B\x85"])
def test_a_value_of_ris_cannot_begin_a_line(title):
    article = published_article(title=title)
    text = ris(published_citation(article.slug))
    tags = [line.partition("  - ")[0] for line in text.splitlines()]
    assert " ".join(tags) == "TY AU TI T2 PB PY DA ET AB KW UR ID ER"


def test_the_date_and_number_are_those_of_the_version(client, article):
    article.article_authors.all().delete()
    article.article_authors.create(person=author())
    with time_machine.travel(datetime(2026, 1, 9, 12, tzinfo=UTC)):
        DisclosureFactory(person=article.article_authors.get().person)
        publish(article)
    memory.forget()
    text = client.get("/articles/late_failure-1/cite.ris").content.decode()
    assert "PY  - 2026\r\nDA  - 2026/01/09\r\nET  - 2\r\n" in text
    text = client.get("/articles/late_failure-1/cite.bib").content.decode()
    assert "year = {2026},\n  day = {9},\n  edition = {2},\n" in text
    assert "month = jan,\n" in text


def test_the_page_offers_both_files_to_those_who_have_attested(attested, article):
    html = attested.get(article.get_absolute_url()).content.decode()
    for name in ("cite.ris", "cite.bib"):
        assert f'href="/articles/late_failure-1/{name}"' in html


@pytest.mark.parametrize("name", ["cite.ris", "cite.bib"])
def test_there_is_no_file_of_what_is_not_published(client, name):
    draft = PublishableArticleFactory()
    gone = published_article()
    withdraw_article(article=gone, user=None, reason="Wrong.")
    memory.forget()
    for slug in (draft.slug, gone.slug, "nothing"):
        assert client.get(f"/articles/{slug}/{name}").status_code == 404
    with pytest.raises(ArticleVersion.DoesNotExist):
        published_citation(draft.slug)


@pytest.mark.parametrize("name", ["cite.ris", "cite.bib"])
def test_a_file_costs_one_query_and_none_when_remembered(
    client, article, django_assert_num_queries, name
):
    client.get("/patients/")
    with django_assert_num_queries(1):
        client.get(f"/articles/late_failure-1/{name}")
    with django_assert_num_queries(0):
        client.get(f"/articles/late_failure-1/{name}")
