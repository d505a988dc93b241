"""What a browser sends from the page of a draft, and drafts saved and published that way."""

from collections.abc import Iterable, Mapping

from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from feedback.admin.draft_form import DraftForm
from feedback.models import SurveyVersion
from feedback.surveys import draft_token, publish_draft, save_draft

_ANSWER = {True: "yes", False: "no"}

Row = Mapping[str, object]


def token_of(draft: SurveyVersion) -> str:
    draft = SurveyVersion.objects.get(pk=draft.pk)
    return draft_token(draft, list(draft.draft_statements.all()))


def rows_of_draft(draft: SurveyVersion) -> list[dict[str, object]]:
    """Return the stored statements as the page's fields hold them."""
    return [
        {
            "statement": row.statement_id or "",
            "text": row.text,
            **({} if row.statement_id else {"key": row.key, "outcome": row.outcome}),
            **({} if row.is_comparable is None else {"is_comparable": _ANSWER[row.is_comparable]}),
            **({"allows_not_applicable": "on"} if row.allows_not_applicable else {}),
            **({"speaks_of_objectives": "on"} if row.speaks_of_objectives else {}),
        }
        for row in draft.draft_statements.all()
    ]


def filled_draft(
    draft: SurveyVersion, rows: Iterable[Row] | None = None, **fields: object
) -> dict[str, object]:
    """Return what a browser sends for ``rows`` (else for what is stored)."""
    draft = SurveyVersion.objects.get(pk=draft.pk)
    rows = list(rows_of_draft(draft) if rows is None else rows)
    labels = {f"label_{number}": label for number, label in enumerate(draft.labels, 1)}
    return {
        "token": token_of(draft),
        "comment_question": draft.comment_question,
        **labels,
        "statements-TOTAL_FORMS": len(rows),
        "statements-INITIAL_FORMS": 0,
        **{
            f"statements-{number}-{name}": value
            for number, row in enumerate(rows)
            for name, value in row.items()
        },
        **fields,
    }


def write_draft(draft: SurveyVersion, rows: Iterable[Row] | None = None, **fields: object) -> None:
    """Save ``rows`` as the draft, as its page would."""
    data = QueryDict(mutable=True)
    data.update({name: str(value) for name, value in filled_draft(draft, rows, **fields).items()})
    form = DraftForm(draft, list(draft.draft_statements.all()), data)
    assert form.is_valid(), list(form.problems())
    save_draft(
        draft_id=draft.pk,
        token=data["token"],
        statements=form.draft_statements(),
        labels=form.version.cleaned_data["labels"],
        comment_question=form.version.cleaned_data["comment_question"],
    )
    draft.refresh_from_db()


def publish(draft: SurveyVersion) -> SurveyVersion:
    return publish_draft(draft_id=draft.pk, token=token_of(draft))


def page(view: str, number: int) -> str:
    return reverse(f"admin:feedback_{view}", args=[number])


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def problems(response) -> list[str]:
    assert response.status_code == 400
    return [message for _anchor, message in response.context["problems"]]


def send(client: Client, draft, rows=None, button: str = "save", **fields):
    data = filled_draft(draft, rows, **fields)
    return client.post(page("survey_draft", draft.survey_id), {button: "", **data}, follow=True)
