"""What a survey can ask for: labels of its own, "not applicable", free text, the objectives."""

import re

import pytest
from django.urls import reverse

from feedback.models import ArticleSurvey, HiddenComment, Response, ResponseHistory
from portal.core.content_cache import memory
from tests.factories import UserFactory, publish, published_article

from .builders import checked, publish_survey, respond_url, texts, thanks_url

pytestmark = pytest.mark.django_db

LABELS = ["Never", "Seldom", "Sometimes", "Often", "Always"]
WARNING = "Please do not write anything about a patient"


@pytest.fixture
def article():
    article = published_article()
    version = publish_survey(
        "own",
        ["I use this", "I met the objectives"],
        labels=LABELS,
        comment_question="What would you change?",
        not_applicable=[2],
        speaks_of_objectives=2,
    )
    ArticleSurvey.objects.create(article=article, survey=version.survey)
    memory.forget()
    return article


def answers(article, first=4, second=5, **fields):
    return {
        "survey_version": article.chosen_survey.survey.versions.get().pk,
        "article_version": article.published_version_id,
        "level-own-1": first,
        "level-own-2": second,
        **fields,
    }


def comment_of(page) -> str:
    """Return what the browser shows in the text area."""
    return texts(page, r"<textarea[^>]*>\n?(.*?)</textarea>")[0]


# --- the scale ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_own_page", [True, False])
def test_a_survey_has_labels_of_its_own_and_not_applicable_where_it_is_allowed(
    attested, article, is_own_page
):
    url = respond_url(article) if is_own_page else article.get_absolute_url()
    page = attested.get(url)
    assert texts(page, "<span>([^<]*)</span></label>") == [*LABELS, *LABELS, "Not applicable"]
    assert page.content.decode().count("scale-option--apart") == 1
    assert checked(page) == {}


def test_not_applicable_is_saved_shown_and_offered_for_change(attested, article):
    assert attested.post(respond_url(article), answers(article, 2, 0)).status_code == 303
    assert Response.objects.get().levels == [2, 0]
    shown = texts(attested.get(thanks_url(article)), r"<dd(?: dir=\"auto\")?>(.*?)</dd>")
    assert shown == ["Seldom", "Not applicable", "No answer"]
    assert checked(attested.get(respond_url(article))) == {"own-1": 2, "own-2": 0}


def test_not_applicable_is_refused_where_it_is_not_offered(attested, article):
    page = attested.post(respond_url(article), answers(article, 0, 0))
    assert page.status_code == 400
    assert checked(page) == {"own-2": 0}
    assert Response.objects.count() == 0


# --- the objectives -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_own_page", [True, False])
def test_the_objectives_stand_beside_the_statement_that_speaks_of_them(
    attested, article, is_own_page
):
    text = article.objectives.get().text
    url = respond_url(article) if is_own_page else article.get_absolute_url()
    html = attested.get(url).content.decode()
    first, second = re.findall(r'<fieldset class="scale.*?</fieldset>', html, re.DOTALL)
    assert "objectives of this article" not in first
    assert "aria-describedby" not in first
    described = re.search(r'aria-describedby="([^"]*)"', second)[1]
    assert f'id="{described}"' in second
    assert text in second.replace("\N{WORD JOINER}", "").replace("\xa0", " ")


def test_the_objectives_are_those_of_the_version_that_was_read(attested, article):
    data = answers(article, 4, "")
    article.objectives.update(text="Recite something else")
    publish(article)
    memory.forget()
    old = attested.post(respond_url(article), data).content.decode()
    assert "Recite something else" not in old
    assert "objectives of this article" in old
    # The error comes first in what a screen reader reads out.
    assert 'aria-describedby="feedback-level-own-2_error feedback-level-own-2_about"' in old
    assert "Recite something else" in attested.get(respond_url(article)).content.decode()


# --- free text ------------------------------------------------------------------------------------


def test_free_text_is_asked_for_with_the_warning(attested, article):
    for url in (respond_url(article), article.get_absolute_url()):
        html = attested.get(url).content.decode()
        area = re.search(r"<textarea[^>]*>", html)[0]
        described = re.search(r'aria-describedby="([^"]*)"', area)[1]
        hint = re.search(rf'id="{described}">(.*?)</div>', html, re.DOTALL)[1]
        assert WARNING in hint
        assert "At most 2000 characters" in hint
        # A browser would cut off what is pasted, without a word.
        assert "maxlength" not in area
        assert "What would you change?" in html


def test_free_text_keeps_its_lines_is_shown_and_offered_for_change(attested, article):
    typed = "First <b>line</b>\r\n\r\n\tשמש\rthird"
    kept = "First <b>line</b>\n\n\tשמש\nthird"
    data = answers(article, comment=f"  {typed}\r\n ")
    assert attested.post(respond_url(article), data).status_code == 303
    saved = Response.objects.get()
    assert saved.comment == kept
    thanks = attested.get(thanks_url(article)).content.decode()
    assert "First &lt;b&gt;line&lt;/b&gt;<br><br>\tשמש<br>third" in thanks
    assert comment_of(attested.get(respond_url(article))) == kept

    # The same again changes nothing, another text makes history.
    attested.post(respond_url(article), data)
    assert ResponseHistory.objects.count() == 0
    HiddenComment.objects.create(response=saved, reason="A name", hidden_by=UserFactory())
    attested.post(respond_url(article), answers(article, comment="Another"))
    assert Response.objects.get().comment == "Another"
    assert ResponseHistory.objects.get().comment == kept
    assert HiddenComment.objects.count() == 0


@pytest.mark.parametrize("data", [{}, {"comment": ""}, {"comment": " \r\n "}], ids=str)
def test_free_text_may_be_left_out(attested, article, data):
    assert attested.post(respond_url(article), answers(article, **data)).status_code == 303
    assert Response.objects.get().comment == ""


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("x" * 2000, 303),
        ("x" * 2001, 400),
        ("\N{WINKING FACE}" * 2000, 303),
        ("x\r\n" * 1000, 303),  # a browser's line break is one character
        (f"{'x' * 2000}   \r\n", 303),
    ],
    ids=["limit", "more", "astral", "lines", "spaces"],
)
def test_two_thousand_characters_are_taken(attested, article, typed, status):
    page = attested.post(respond_url(article), answers(article, comment=typed))
    assert page.status_code == status
    if status == 400:
        assert comment_of(page) == typed
        assert checked(page) == {"own-1": 4, "own-2": 5}
        assert "Your text is 1 character too long." in page.content.decode()
        assert 'href="#feedback-comment"' in page.content.decode()
        assert 'id="feedback-comment_error"' in page.content.decode()


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x0b"], ids=repr)
def test_control_characters_are_taken_out_and_said_so(attested, article, control):
    data = answers(article, comment=f"before{control}after\r\nsecond")
    page = attested.post(respond_url(article), data)
    assert page.status_code == 400
    assert "characters in it that cannot be seen" in page.content.decode()
    assert comment_of(page) == "beforeafter\r\nsecond"
    assert checked(page) == {"own-1": 4, "own-2": 5}
    assert Response.objects.count() == 0


def test_a_nul_elsewhere_is_refused_like_any_malformed_form(attested, article):
    for name in ("survey_version", "article_version", "level-own-1", "level-\0"):
        page = attested.post(respond_url(article), answers(article) | {name: "4\0"})
        assert page.status_code == 400
    assert Response.objects.count() == 0


def test_errors_elsewhere_lose_no_free_text(attested, article):
    data = answers(article, "", comment="Kept & <shown>")
    page = attested.post(respond_url(article), data)
    assert page.status_code == 400
    assert comment_of(page) == "Kept & <shown>"


def test_free_text_that_is_not_asked_for_is_not_kept(attested, article):
    other = published_article()
    html = attested.get(respond_url(other)).content.decode()
    assert "<textarea" not in html
    assert WARNING not in html
    fields = dict(re.findall(r'name="(\w+_version)"\s+value="(\d+)"', html))
    levels = {f"level-{key}": 4 for key in ("clear", "objectives", "relevant", "change")}
    sent = attested.post(respond_url(other), {**fields, **levels, "comment": "Not asked"})
    assert sent.status_code == 303
    assert Response.objects.get().comment == ""
    assert "Not asked" not in attested.get(thanks_url(other)).content.decode()


def test_free_text_stands_in_no_address_and_no_log(attested, article, caplog):
    data = answers(article, "", comment="Something personal")
    attested.post(respond_url(article), data)
    sent = attested.post(respond_url(article), answers(article, comment="Something personal"))
    assert sent["Location"] == thanks_url(article)
    assert "personal" not in caplog.text
    assert reverse("feedback_impression") == "/feedback/impressions/"
