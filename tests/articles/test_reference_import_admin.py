"""Importing references at the desk: read, look, confirm; and who may."""

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from articles.admin.reference_form import TYPES
from articles.blocks import publication_blocks
from articles.models import Reference
from articles.reference_import.services import (
    import_references,
)
from articles.services import withdraw_article
from tests.factories import (
    ArticleFactory,
    PublishableArticleFactory,
    ReferenceFactory,
    UserFactory,
    published_article,
)

from .desk_forms import change_url, form_data
from .test_reference_files import ris

pytestmark = pytest.mark.django_db

TWO = ris("JOUR", "AU  - Exemplar, Ada", "TI  - One", "JO  - J", "PY  - 2025") + ris(
    "BOOK", "AU  - Exemplar, Ada", "TI  - Two", "PY  - 2025", "DO  - 10.5555/two"
)


def import_url(article):
    return reverse("admin:articles_article_import_references", args=[article.pk])


def read(desk, article, text=TWO, status=200, **data):
    response = desk.post(import_url(article), {"text": text, **data})
    assert response.status_code == status
    return response


def confirm(desk, article, signed, *picks):
    return desk.post(import_url(article), {"signed": signed, "pick": picks})


def keys(article):
    return [reference.key for reference in article.references.all()]


def said(response):
    return [str(message) for message in response.context["messages"]]


# --- Read, look, confirm --------------------------------------------------------------------------


def test_nothing_is_stored_before_it_is_confirmed(desk):
    article = ArticleFactory()
    changed = article.updated_at
    response = read(desk, article)
    assert [(c.key, c.text, c.duplicate) for c in response.context["candidates"]] == [
        ("exemplar2025", "Exemplar A. One. J. 2025.", ""),
        ("exemplar2025a", "Exemplar A. Two. 2025. doi: 10.5555/two.", ""),
    ]
    assert keys(article) == []
    answer = confirm(desk, article, response.context["signed"], "0", "1")
    assert answer.status_code == 302
    assert answer["Location"] == change_url(article) + "#references-group"
    assert keys(article) == ["exemplar2025", "exemplar2025a"]
    assert article.references.last().csl == {
        "type": "book",
        "author": [{"family": "Exemplar", "given": "Ada"}],
        "title": "Two",
        "issued": {"date-parts": [[2025]]},
        "DOI": "10.5555/two",
    }
    article.refresh_from_db()
    assert article.updated_at > changed
    assert LogEntry.objects.get().change_message == (
        "Imported the references exemplar2025, exemplar2025a."
    )


def test_confirming_twice_stores_once(desk):
    article = ArticleFactory()
    signed = read(desk, article).context["signed"]
    confirm(desk, article, signed, "0", "1")
    answer = desk.post(import_url(article), {"signed": signed, "pick": ["0", "1"]}, follow=True)
    assert said(answer)[-1] == "2 references were there already."
    assert keys(article) == ["exemplar2025", "exemplar2025a"]
    assert LogEntry.objects.count() == 1


def test_only_what_was_chosen_is_stored(desk):
    article = ArticleFactory()
    signed = read(desk, article).context["signed"]
    confirm(desk, article, signed, "1", "7", "-1", "x")
    assert [reference.csl["title"] for reference in article.references.all()] == ["Two"]


def test_choosing_nothing_loses_nothing(desk):
    article = ArticleFactory()
    signed = read(desk, article, TWO + "stray").context["signed"]
    answer = confirm(desk, article, signed)
    assert answer.status_code == 400
    assert said(answer) == ["No reference was chosen. Nothing was imported."]
    assert [c.key for c in answer.context["candidates"]] == ["exemplar2025", "exemplar2025a"]
    assert [problem.text for problem in answer.context["problems"]] == ["stray"]
    assert confirm(desk, article, answer.context["signed"], "0").status_code == 302


@pytest.mark.parametrize("signed", ["", "x", "a:b:c", "\x01"])
def test_a_forged_list_is_refused(desk, signed):
    article = ArticleFactory()
    answer = confirm(desk, article, signed, "0")
    assert answer.status_code == 400
    assert said(answer) == [
        "The list has expired. Nothing was imported; please read the references again."
    ]


def test_a_list_is_of_one_article(desk):
    signed = read(desk, ArticleFactory()).context["signed"]
    assert confirm(desk, ArticleFactory(), signed, "0").status_code == 400
    assert Reference.objects.count() == 0


def test_a_list_expires(desk):
    article = ArticleFactory()
    signed = read(desk, article).context["signed"]
    with time_machine.travel("2100-01-01"):
        desk.force_login(UserFactory(group="Editors"))
        assert confirm(desk, article, signed, "0").status_code == 400
    assert keys(article) == []


def test_doubles_are_marked_and_cannot_be_chosen(desk):
    article = ArticleFactory()
    ReferenceFactory(article=article, key="mine", csl={"title": "Other", "DOI": "10.5555/TWO"})
    ReferenceFactory(article=article, key="pm", csl={"title": "Third", "PMID": "999000001"})
    again = ris("JOUR", "TI  - Named anew", "N1  - PMID: 999000001")
    response = read(desk, article, TWO + TWO + again)
    assert [candidate.duplicate for candidate in response.context["candidates"]] == [
        "",
        "Here already as “mine”: same DOI.",
        "Here already as “exemplar2025”: same author, year and title.",
        "Here already as “mine”: same DOI.",
        "Here already as “pm”: same PMID.",
    ]
    assert response.content.count(b"disabled") == 4
    confirm(desk, article, response.context["signed"], "0", "1", "2", "3", "4")
    assert keys(article) == ["mine", "pm", "exemplar2025"]


def test_a_title_alone_makes_no_double_if_the_identifiers_differ(desk):
    article = ArticleFactory()
    text = "".join(
        ris("JOUR", "TI  - Editorial", "PY  - 2025", f"DO  - 10.5555/{number}")
        for number in range(2)
    )
    response = read(desk, article, text)
    assert [c.key for c in response.context["candidates"]] == ["editorial2025", "editorial2025a"]
    assert [c.duplicate for c in response.context["candidates"]] == ["", ""]


def test_what_was_not_read_is_shown_with_its_line(desk, references_online):
    article = ArticleFactory()
    response = read(desk, article, "10.5555/fictitious.1\n<b>gibberish</b>")
    html = response.content.decode()
    assert "1 reference was read." in html
    assert "1 line was not." in html
    assert "&lt;b&gt;gibberish&lt;/b&gt;" in html
    assert "This is neither a DOI nor a PMID." in html
    # The text is still there, to be mended.
    assert response.context["form"]["text"].value() == "10.5555/fictitious.1\n<b>gibberish</b>"


def test_offline_files_still_work(desk, settings):
    settings.CROSSREF_URL = settings.NCBI_URL = ""
    article = ArticleFactory()
    assert len(read(desk, article).context["candidates"]) == 2
    response = read(desk, article, "10.5555/x")
    assert response.context["candidates"] == []
    assert "Crossref is switched off on this site." in response.content.decode()


# --- Uploads --------------------------------------------------------------------------------------


def test_a_file_is_read_like_a_text(desk):
    article = ArticleFactory()
    file = SimpleUploadedFile("export.ris", TWO.replace("Ada", "Äda").encode("cp1252"))
    response = read(desk, article, "", file=file)
    assert len(response.context["candidates"]) == 2
    assert response.context["candidates"][0].csl["author"][0]["given"] == "Äda"


@pytest.mark.parametrize(
    ("text", "content", "message"),
    [
        ("", None, "Paste something or choose a file."),
        ("  \n", None, "Paste something or choose a file."),
        (TWO, b"TY  - JOUR", "Paste something or choose a file, not both."),
        ("", b"TY  - JOUR\0", "This is no text file."),
        ("", b"x" * (5 * 1024 * 1024 + 1), "The file is larger than 5 MB."),
        ("", b"", "The submitted file is empty."),
        ("", TWO.encode() * 501, "This holds 1002 references; at most 1000 can be read at once."),
        ("x" * 1_000_001, None, "Ensure this value has at most 1000000 characters"),
        # The house's own answer to every form with such a character.
        ("10.5555/x\0", None, "Go to the home page"),
    ],
)
def test_what_cannot_be_read_at_all(desk, text, content, message):
    article = ArticleFactory()
    file = {"file": SimpleUploadedFile("x.ris", content)} if content is not None else {}
    response = read(desk, article, text, status=400, **file)
    assert message in response.content.decode()


def test_a_thousand_references_can_be_looked_at(desk, settings):
    article = ArticleFactory()
    text = "".join(
        ris("JOUR", *(f"AU  - Exemplar{a}, Ada" for a in range(20)), f"TI  - T{number}", "JO  - J")
        for number in range(1000)
    )
    response = read(desk, article, text)
    assert len(response.context["candidates"]) == 1000
    answer = confirm(desk, article, response.context["signed"], *map(str, range(1000)))
    assert answer.status_code == 400
    assert said(answer) == [
        "An article has at most 400 references. Nothing was imported: choose fewer."
    ]
    assert len(answer.context["candidates"]) == 1000
    confirm(desk, article, answer.context["signed"], *map(str, range(400)))
    assert article.references.count() == 400
    # The article's form can still be sent with all of them.
    formsets = desk.get(change_url(article)).context["inline_admin_formsets"]
    (references,) = (one.formset for one in formsets if one.formset.model is Reference)
    fields = len(references.forms[0].fields)
    assert 400 * fields + 500 < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS


# --- Retractions ----------------------------------------------------------------------------------


def test_a_retracted_source_warns_and_blocks_until_it_is_cited_as_such(desk, references_online):
    article = PublishableArticleFactory()
    response = read(desk, article, "10.5555/retracted")
    assert "This source was retracted." in response.content.decode()
    confirm(desk, article, response.context["signed"], "0")
    reference = article.references.get(key="exemplar2025")
    assert publication_blocks(article) == []
    section = article.sections.first()
    section.body = "<p>Text. [@halpern] [@exemplar2025]</p>"
    section.save()
    (block,) = publication_blocks(article)
    assert (block.field, block.anchor) == ("references-1", "references-1")
    assert block.message.startswith("The source “exemplar2025” was retracted.")
    page = desk.get(change_url(article)).content.decode()
    assert 'value="retracted" selected' in page
    reference.csl["custom"]["cited-as-retracted"] = True
    reference.save()
    assert publication_blocks(article) == []


@pytest.mark.parametrize(
    ("before", "choice", "after"),
    [
        ({}, "retracted", {"status": "retracted"}),
        (
            {},
            "cited-as-retracted",
            {"status": "retracted", "custom": {"cited-as-retracted": True}},
        ),
        (
            {"status": "retracted", "custom": {"retraction": {"DOI": "10.5555/n"}}},
            "cited-as-retracted",
            {
                "status": "retracted",
                "custom": {"retraction": {"DOI": "10.5555/n"}, "cited-as-retracted": True},
            },
        ),
        (
            {"status": "retracted", "custom": {"retraction": {}, "cited-as-retracted": True}},
            "",
            {},
        ),
        (
            {"status": "in press", "custom": {"x": 1}},
            "",
            {"status": "in press", "custom": {"x": 1}},
        ),
    ],
)
def test_by_hand(desk, before, choice, after):
    article = PublishableArticleFactory()
    article.sections.all().delete()
    reference = article.references.get()
    reference.csl = {"type": "article-journal", "title": "T", **before}
    reference.save()
    data = form_data(
        article.topics.get(),
        references=[
            {
                "id": reference.pk,
                "key": "halpern",
                "type": "article-journal",
                "title": "T",
                "retraction": choice,
            }
        ],
    )
    assert desk.post(change_url(article), data).status_code == 302
    reference.refresh_from_db()
    assert reference.csl == {"type": "article-journal", "title": "T", **after}


def test_a_kind_that_the_form_does_not_offer_survives_it(desk):
    article = PublishableArticleFactory()
    article.sections.all().delete()
    reference = article.references.get()
    reference.csl = {"type": "motion_picture", "title": "T"}
    reference.save()
    assert "motion_picture" not in dict(TYPES)
    row = {"id": reference.pk, "key": "halpern", "type": "motion_picture", "title": "T"}
    data = form_data(article.topics.get(), references=[row])
    assert desk.post(change_url(article), data).status_code == 302
    reference.refresh_from_db()
    assert reference.csl == {"type": "motion_picture", "title": "T"}


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "status"), [("Editors", 200), ("Staff", 403), (None, 302)])
def test_only_who_may_change_articles(client, group, status):
    article = ArticleFactory()
    user = UserFactory(group=group)
    client.force_login(user)
    assert client.get(import_url(article)).status_code == status
    assert client.post(import_url(article), {"text": TWO}).status_code == status
    if status != 200:
        assert client.post(import_url(article), {"signed": "x"}).status_code == status
        with pytest.raises(PermissionDenied):
            import_references(article=article, user=user, sources=[{"title": "T"}])


def test_the_forms_are_safe_from_other_sites(editor):
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)
    article = ArticleFactory()
    for data in ({"text": TWO}, {"signed": "x", "pick": "0"}):
        assert client.post(import_url(article), data).status_code == 403


@pytest.mark.parametrize("address", ["999999", "x", "0"])
def test_an_article_that_is_not_there(desk, address):
    assert desk.get(f"/admin/articles/article/{address}/references/import/").status_code == 404


def test_not_into_a_withdrawn_article(desk, editor):
    article = published_article()
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert desk.get(import_url(article)).status_code == 403
    assert read(desk, article, status=403)
    assert "Import references" not in desk.get(change_url(article)).content.decode()
    with pytest.raises(PermissionDenied):
        import_references(article=article, user=editor, sources=[{"title": "T"}])


def test_the_button_stands_on_the_form(desk):
    article = ArticleFactory()
    assert f'href="{import_url(article)}"' in desk.get(change_url(article)).content.decode()
