"""Surveys at the desk, in each of their states."""

from django.urls import reverse

from articles.models import Article
from feedback.models import DraftStatement, Survey
from feedback.surveys import start_draft
from tests.feedback.drafts import publish, rows_of_draft, write_draft
from tests.places import DESK_EDITOR, DESK_STAFF, Place


def survey_places(article: Article) -> list[Place]:
    """Make drafts (one of them with something missing) and a second survey; return their pages."""
    default = Survey.objects.get(key="default")
    _write_draft(default)
    second = _published("After a case report", "case_report")
    faulty = Survey.objects.create(name="After a seminar", key="seminar")
    DraftStatement.objects.create(version=start_draft(faulty)[0], position=1, key="", text="")
    empty = Survey.objects.create(name="After a webinar", key="webinar")
    start_draft(empty)

    def staff(name: str, view: str, *arguments: int, press: str = "", status: int = 200) -> Place:
        address = reverse(f"admin:feedback_{view}", args=arguments)
        return Place(name, address, DESK_STAFF, press=press, status=status)

    def editor(name: str, view: str, number: int) -> Place:
        return Place(name, reverse(f"admin:feedback_{view}", args=[number]), DESK_EDITOR)

    save = "Save the draft"
    return [
        staff("desk-surveys", "survey_changelist"),
        staff("desk-survey", "survey_change", default.pk),
        staff("desk-survey-without-draft", "survey_change", second.pk),
        editor("desk-survey-looking-only", "survey_change", default.pk),
        staff("desk-survey-new", "survey_add"),
        staff("desk-survey-new-error", "survey_add", press="Save"),
        staff("desk-survey-draft", "survey_draft", default.pk),
        staff("desk-survey-draft-moved", "survey_draft", default.pk, press="Take statement 1 out"),
        staff("desk-survey-draft-error", "survey_draft", faulty.pk, press=save, status=400),
        staff("desk-survey-publish", "survey_publish", default.pk),
        staff("desk-survey-publish-blocked", "survey_publish", empty.pk),
        staff("desk-survey-discard", "survey_discard", default.pk),
        staff("survey-preview", "survey_preview", default.pk),
        editor("desk-article-survey", "article_survey", article.pk),
    ]


def _write_draft(survey: Survey) -> None:
    """A new wording, a new statement, one taken out, another order, and a question."""
    draft, _is_new = start_draft(survey)
    clear, objectives, _relevant, change = rows_of_draft(draft)
    clear |= {"text": "The content was easy to understand", "is_comparable": "yes"}
    change |= {"allows_not_applicable": "on"}
    new = {"text": "I will tell a colleague of this article", "outcome": 4}
    write_draft(
        draft,
        [objectives, clear, change, new],
        comment_question="What would you change in this article?",
    )


def _published(name: str, key: str) -> Survey:
    survey = Survey.objects.create(name=name, key=key)
    draft, _is_new = start_draft(survey)
    write_draft(draft, [{"text": "The case was like those that I see", "outcome": 2}])
    publish(draft)
    return survey
