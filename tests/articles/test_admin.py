"""The editors' desk: forms, checks, preview, publishing."""

import pytest
from django.contrib.admin.models import LogEntry

from articles.models import Article, ArticleVersion, Reference
from tests.factories import (
    ArticleFactory,
    DisclosureFactory,
    PublishableArticleFactory,
    TopicFactory,
    approve,
    approved_article,
    published_article,
    sign_by,
)

from .desk_forms import (
    ADD,
    change_url,
    errors,
    form_data,
    preview_url,
    publish_url,
    reference,
    section,
)

pytestmark = pytest.mark.django_db

# --- writing --------------------------------------------------------------------------------------


def test_an_editor_writes_an_article_and_publishes_it(desk, client):
    person = DisclosureFactory().person
    data = form_data(
        TopicFactory(),
        article_authors=[
            {
                "person": person.pk,
                "contribution": "author",
                "position": 1,
                "work_began_on": "2025-11-03",
            }
        ],
        objectives=[{"position": 1, "text": "Cite a finding."}],
        sections=[section("<p>Text <b onclick=x>bold</b> [@erbella]</p>")],
        references=[
            reference(
                authors="Erbella, Federico\nDESCAR-T Group\n",
                container_title="Blood Advances",
                year="2025",
                doi="10.1182/x",
            )
        ],
    )
    assert desk.post(ADD, data).status_code == 302
    article = Article.objects.get()
    assert article.status == "draft"
    assert article.sections.get().body == "<p>Text bold [@erbella]</p>"
    assert article.references.get().csl == {
        "type": "article-journal",
        "author": [{"family": "Erbella", "given": "Federico"}, {"literal": "DESCAR-T Group"}],
        "title": "A title",
        "container-title": "Blood Advances",
        "issued": {"date-parts": [[2025]]},
        "DOI": "10.1182/x",
    }
    approve(article)
    page = desk.get(publish_url(article))
    assert (page.context["blocks"], page.context["problem"]) == ([], "")
    assert desk.post(publish_url(article), {"latest": 0, "comment": "First"}).status_code == 302
    version = ArticleVersion.objects.get()
    assert (version.article, version.comment) == (article, "First")
    assert LogEntry.objects.filter(object_id=str(article.pk)).first().change_message == (
        "Published version 1."
    )


def test_status_and_versions_are_not_fields_of_the_form(desk):
    article = PublishableArticleFactory()
    data = form_data(article.topics.get()) | {
        "status": "published",
        "first_published_at": "2020-01-01",
        "published_version": 1,
    }
    assert desk.post(change_url(article), data).status_code == 302
    article.refresh_from_db()
    assert (article.status, article.first_published_at) == ("draft", None)


def test_an_unknown_citation_is_an_error_at_its_section(desk):
    data = form_data(
        TopicFactory(), sections=[section("<p>[@gone]</p>")], references=[reference("erbella")]
    )
    response = desk.post(ADD, data)
    assert errors(response) == ["There is no reference with the key “gone”."]
    formset = next(
        formset.formset
        for formset in response.context["inline_admin_formsets"]
        if formset.formset.prefix == "sections"
    )
    assert list(formset.forms[0].errors) == ["body"]
    assert Article.objects.count() == 0


def test_deleting_a_cited_reference_is_an_error(desk):
    article = PublishableArticleFactory()
    cited = article.references.get()
    kept = article.sections.get(position=1)
    data = form_data(
        article.topics.get(),
        sections=[section("<p>[@halpern]</p>", id=kept.pk)],
        references=[reference("halpern", id=cited.pk, DELETE="on")],
    )
    assert errors(desk.post(change_url(article), data)) == [
        "There is no reference with the key “halpern”."
    ]
    assert Reference.objects.filter(pk=cited.pk).exists()


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (
            [reference("a"), reference("a")],
            "Please correct the duplicate data for key.",
        ),
        ([reference("a b")], "Letters, digits, - and _."),
        ([reference(doi="http://x")], "A DOI begins with 10., for example 10.1056/NEJMsb020632."),
        ([reference(pmid="12a")], "A PMID is a number."),
        ([reference(url="javascript:alert(1)")], "Enter a valid URL."),
        ([reference(year="99999")], "Ensure this value is less than or equal to 2200."),
        ([reference(title="")], "Give a title, or at least the journal or site."),
        ([reference(type="x")], "Select a valid choice. x is not one of the available choices."),
    ],
)
def test_bad_references_are_refused(desk, references, message):
    assert message in errors(desk.post(ADD, form_data(TopicFactory(), references=references)))
    assert Article.objects.count() == 0


def test_what_the_reference_form_does_not_know_is_kept(desk):
    article = ArticleFactory()
    csl = {
        "type": "article-journal",
        "author": [{"family": "Berg", "given": "J", "non-dropping-particle": "van der"}],
        "title": "Old",
        "issued": {"date-parts": [[2002, 7, 25]]},
        "language": "en",
        "volume": "1",
    }
    stored = article.references.create(key="berg", csl=csl)
    page = desk.get(change_url(article))
    [formset] = [
        formset.formset
        for formset in page.context["inline_admin_formsets"]
        if formset.formset.prefix == "references"
    ]
    initial = formset.forms[0].initial
    assert (initial["authors"], initial["year"], initial["title"]) == ("Berg, J", 2002, "Old")
    row = reference(
        "berg", id=stored.pk, title="New", authors=initial["authors"], year=initial["year"]
    )
    data = form_data(TopicFactory(), references=[row])
    assert desk.post(change_url(article), data).status_code == 302
    stored.refresh_from_db()
    expected = {**csl, "title": "New"}
    del expected["volume"]
    assert stored.csl == expected


def test_an_unmeasurable_objective_is_a_warning_in_the_draft(desk):
    data = form_data(
        TopicFactory(), objectives=[{"position": 1, "text": "Understand <b>ratios</b>."}]
    )
    response = desk.post(ADD, data, follow=True)
    assert Article.objects.get().objectives.count() == 1
    assert (
        "“understand” cannot be measured, which blocks publishing: "
        "Understand &lt;b&gt;ratios&lt;/b&gt;."
    ) in response.content.decode()


# --- publishing and preview -----------------------------------------------------------------------


def test_blocks_are_listed_with_links_to_their_places(desk):
    article = PublishableArticleFactory()
    sign_by(article, declared=False)
    article.topics.clear()
    article.objectives.all().delete()
    response = desk.get(publish_url(article))
    html = response.content.decode()
    for anchor in ("id_topics", "article_authors-0", "objectives-group"):
        assert f'href="{change_url(article)}#{anchor}"' in html
        assert f'id="{anchor}"' in desk.get(change_url(article)).content.decode()
    assert "Publish now" not in html
    assert desk.post(publish_url(article), {"latest": 0}).status_code == 200
    assert ArticleVersion.objects.count() == 0


def test_looking_at_the_publish_page_publishes_nothing(desk):
    article = PublishableArticleFactory()
    for method in (desk.get, desk.head):
        assert method(publish_url(article)).status_code == 200
    assert ArticleVersion.objects.count() == 0


@pytest.mark.parametrize("latest", ["", "x", "-1", "9" * 5000, None])
def test_a_crafted_post_publishes_nothing(desk, latest):
    article = approved_article()
    data = {} if latest is None else {"latest": latest}
    assert desk.post(publish_url(article), data).status_code == 200
    assert ArticleVersion.objects.count() == 0


def test_the_same_button_pressed_twice_publishes_once(desk):
    article = approved_article()
    assert desk.post(publish_url(article), {"latest": 0}).status_code == 302
    response = desk.post(publish_url(article), {"latest": 0})
    assert "Version 1 has been published in the meantime." in response.content.decode()
    assert ArticleVersion.objects.count() == 1


def test_publishing_needs_a_csrf_token(editor, client):
    client.handler.enforce_csrf_checks = True
    client.force_login(editor)
    article = approved_article()
    assert client.post(publish_url(article), {"latest": 0}).status_code == 403
    assert ArticleVersion.objects.count() == 0


def test_the_preview_shows_the_draft_as_it_will_look(desk):
    article = published_article(title="Old")
    article.title = "New <title>"
    article.save()
    article.sections.filter(position=1).update(body="<p>[@gone] [@halpern]</p>")
    response = desk.get(preview_url(article))
    html = response.content.decode()
    assert "Preview" in html
    assert "New &lt;title&gt;" in html
    assert '<mark class="citation-unknown">[@gone]</mark>' in html
    assert '<meta name="robots" content="noindex, nofollow">' in html
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "private" in response["Cache-Control"]
    assert desk.post(preview_url(article)).status_code == 405


def test_an_empty_draft_can_be_previewed(desk):
    assert desk.get(preview_url(ArticleFactory(summary="", title=""))).status_code == 200
