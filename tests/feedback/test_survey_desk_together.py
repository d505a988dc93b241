"""Surveys at the desk: two editors at once, who may do what, and the survey of an article."""

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from articles.models import Article
from feedback.models import ArticleSurvey, Survey
from feedback.surveys import start_draft
from tests.factories import published_article

from .drafts import (
    filled_draft,
    page,
    publish,
    rows_of_draft,
    said,
    send,
    token_of,
    write_draft,
)

pytestmark = pytest.mark.django_db

# Of any page here, with the four of the session, the user and the permissions.
MAX_QUERIES = 17


def test_a_statement_without_key_gets_one_of_its_own(staff, draft):
    rows = rows_of_draft(draft)
    new = [{"text": text, "outcome": 2} for text in ("It was clear.", "Clear it was!", "Было ясно")]
    send(staff, draft, [*rows, *new])
    keys = [row.key for row in draft.draft_statements.all()][4:]
    assert keys == ["clear_2", "clear_3", "statement"]


def test_two_editors_are_told_of_each_other(staff, desk, draft):
    other = desk("Staff")
    mine = filled_draft(draft, comment_question="Mine")
    send(other, draft, comment_question="Theirs")
    conflict = staff.post(page("survey_draft", draft.survey_id), {**mine, "save": ""})
    assert conflict.status_code == 409
    content = conflict.content.decode()
    assert "Somebody else has saved this draft since you opened it" in content
    assert 'value="Mine"' in content
    draft.refresh_from_db()
    assert draft.comment_question == "Theirs"
    token = conflict.context["form"].version["token"].value()
    staff.post(page("survey_draft", draft.survey_id), {**mine, "token": token, "save": ""})
    draft.refresh_from_db()
    assert draft.comment_question == "Mine"


def test_a_stale_page_publishes_nothing_and_a_double_click_publishes_once(staff, draft):
    seen = {"draft": draft.pk, "token": token_of(draft)}
    write_draft(draft, comment_question="Changed since?")
    address = page("survey_publish", draft.survey_id)
    stale = staff.post(address, seen)
    assert stale.status_code == 409
    assert "Somebody has changed the draft" in stale.content.decode()
    seen["token"] = token_of(draft)
    first, second = (staff.post(address, seen, follow=True) for _click in range(2))
    assert said(first) == ["Version 2 is published. Readers see it from now on."]
    assert said(second) == ["Version 2 is published already: nothing was done a second time."]
    assert draft.survey.versions.count() == 2
    # A form that was open in the meantime: its words are still there to be copied.
    late = staff.post(
        page("survey_draft", draft.survey_id),
        {**filled_draft(draft, [{"text": "Typed for hours", "outcome": 2}]), "save": ""},
    )
    assert late.status_code == 409
    assert "This draft is gone, and nothing was saved" in late.content.decode()
    assert "Typed for hours" in late.content.decode()
    for view in ("survey_draft", "survey_preview", "survey_publish", "survey_discard"):
        gone = staff.get(page(view, draft.survey_id), follow=True)
        assert said(gone)[0].startswith("There is no draft")


def test_beginning_twice_leads_to_the_one_draft(staff, survey):
    address = page("survey_start", survey.pk)
    assert staff.get(address).status_code == 405
    first, second = (staff.post(address, follow=True) for _click in range(2))
    assert said(first) == []
    assert said(second) == ["There is a draft already: this is it."]
    assert survey.versions.count() == 2


def test_a_draft_that_is_no_use_is_not_published(staff, draft):
    address = page("survey_publish", draft.survey_id)
    response = staff.get(address)
    assert "there is nothing to publish" in response.content.decode()
    assert 'type="submit">Sign out' in response.content.decode()
    assert response.content.decode().count('type="submit"') == 1
    refused = staff.post(address, {"draft": draft.pk, "token": token_of(draft)})
    assert refused.status_code == 400
    send(staff, draft, [])
    assert "The draft has no statement." in staff.get(address).content.decode()
    draft.refresh_from_db()
    assert draft.published_at is None


def test_a_draft_is_thrown_away_after_a_question(staff, draft):
    address = page("survey_discard", draft.survey_id)
    stale = staff.post(address, {"token": "stale"})
    assert stale.status_code == 409
    assert "goes, for everybody" in staff.get(address).content.decode()
    done = staff.post(address, {"token": token_of(draft)}, follow=True)
    assert said(done) == ["The draft is thrown away. Readers see what they saw before."]
    assert draft.survey.versions.count() == 1
    assert said(staff.post(address, {"token": "again"}, follow=True))[0].startswith(
        "There is no draft"
    )


def test_editors_look_and_change_nothing(editor, draft, caplog):
    caplog.set_level(logging.WARNING, logger="feedback.admin")
    survey = editor.get(page("survey_change", draft.survey_id))
    content = survey.content.decode()
    assert "The content was relevant to my practice" in content
    for words in ("Edit the draft", "New version", "Publish…", "Throw it away", 'name="_save"'):
        assert words not in content
    preview = editor.get(page("survey_preview", draft.survey_id)).content.decode()
    assert "Back to the survey" in preview
    assert "Back to the draft" not in preview
    for view in ("survey_draft", "survey_start", "survey_publish", "survey_discard"):
        assert editor.get(page(view, draft.survey_id)).status_code == 403
        sent = {"token": token_of(draft), "draft": draft.pk}
        assert editor.post(page(view, draft.survey_id), sent).status_code == 403
    assert editor.post(reverse("admin:feedback_survey_add"), {"name": "X"}).status_code == 403
    assert editor.post(page("survey_change", draft.survey_id), {"name": "X"}).status_code == 403
    assert draft.survey.versions.filter(published_at=None).exists()
    assert "Refused: publish_view" in caplog.text
    assert "@" not in caplog.text


@pytest.mark.parametrize("group", ["", "Medical reviewers"])
def test_nobody_else_sees_a_survey(desk, draft, group):
    client = desk(group)
    for view in ("survey_change", "survey_draft", "survey_preview", "survey_publish"):
        assert client.get(page(view, draft.survey_id)).status_code == 403


@pytest.mark.parametrize("group", ["Editors", "Staff"])
def test_an_article_gets_another_survey_and_the_default_one_back(desk, survey, group):
    client, article = desk(group), published_article()
    other = Survey.objects.create(key="other", name="After a case")
    address = page("article_survey", article.pk)
    status = Article.objects.get(pk=article.pk).status
    # Nothing of it is published.
    assert client.post(address, {"survey": other.pk}).status_code == 400
    draft = start_draft(other)[0]
    write_draft(draft, [{"text": "The case was like mine", "outcome": 2}])
    assert client.post(address, {"survey": other.pk}).status_code == 400
    publish(draft)
    shown = client.get(address).content.decode()
    assert "The case was like mine" in shown
    assert "Article feedback (default)" in shown
    for _click in range(2):
        chosen = client.post(address, {"survey": other.pk}, follow=True)
        assert said(chosen) == ["“After a case” stands under this article from now on."]
    assert ArticleSurvey.objects.get().survey == other
    assert article.title in client.get(page("survey_change", other.pk)).content.decode()
    client.post(address, {"survey": survey.pk})
    assert not ArticleSurvey.objects.exists()
    # What is asked under an article is none of its content: it needs no new approval.
    assert Article.objects.get(pk=article.pk).status == status
    assert not article.editors.exists()
    assert LogEntry.objects.filter(object_id=str(article.pk)).count() == 2
    for attack in ("", "0", "x", "9" * 40):
        assert client.post(address, {"survey": attack}).status_code == 400
    assert client.get(page("article_survey", 0)).status_code == 404


def test_an_articles_form_leads_to_its_survey(editor, desk):
    article = published_article()
    form = reverse("admin:articles_article_change", args=[article.pk])
    assert page("article_survey", article.pk) in editor.get(form).content.decode()
    reviewer = desk("Medical reviewers")
    assert page("article_survey", article.pk) not in reviewer.get(form).content.decode()
    assert reviewer.get(page("article_survey", article.pk)).status_code == 403


def test_whoever_may_look_at_an_articles_survey_only_chooses_none(client, survey):
    from django.contrib.auth.models import Permission

    from tests.factories import UserFactory

    user = UserFactory(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_articlesurvey"))
    client.force_login(user)
    address = page("article_survey", published_article().pk)
    assert "“Article feedback” stands under this article." in client.get(address).content.decode()
    assert client.post(address, {"survey": survey.pk}).status_code == 403
