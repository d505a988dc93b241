"""A draft as one form: its statements in their order, the labels and the question."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.formsets import TOTAL_FORM_COUNT, BaseFormSet, formset_factory
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.models import DraftStatement, Level, Outcome, Statement, SurveyItem, SurveyVersion
from feedback.surveys import KEY_PATTERN, asked_so_far, draft_token, is_reserved, suggest_key

PREFIX = "statements"
MAX_STATEMENTS = 30
MAX_DIGITS = 4
FIELDS = (
    *("statement", "text", "is_comparable", "key", "outcome"),
    *("speaks_of_objectives", "allows_not_applicable"),
)
COMPARABLE = [
    (
        "yes",
        gettext_lazy(
            "Yes, it asks the same in other words. Results add up the answers to both wordings."
        ),
    ),
    (
        "no",
        gettext_lazy(
            "No, it asks something else. Results show the two apart; the new one starts with no "
            "answers."
        ),
    ),
]


@dataclass(frozen=True, slots=True)
class KnownStatement:
    """A statement that has been published; ``asked``: where, what was asked last first."""

    asked: tuple[SurveyItem, ...]

    @property
    def statement(self) -> Statement:
        return self.asked[0].wording.statement

    @property
    def text(self) -> str:
        """The wording that was asked last."""
        return self.asked[0].wording.text

    @property
    def texts(self) -> set[str]:
        return {item.wording.text for item in self.asked}


def known_statements(draft: SurveyVersion) -> dict[int, KnownStatement]:
    """Return the published statements of the draft's survey by their numbers (1 query)."""
    asked = asked_so_far(draft.survey.statements.values("pk"))
    return {pk: KnownStatement(tuple(items)) for pk, items in asked.items()}


def on_one_line(text: str) -> str:
    """Return ``text`` with single spaces: the same words must read the same."""
    return " ".join(text.split())


class StatementForm(forms.Form):
    """One statement: new, or (``statement``) a published one that may get a new wording."""

    statement = forms.CharField(widget=forms.HiddenInput, required=False)
    text = forms.CharField(
        label=gettext_lazy("Statement"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Readers say how far they agree with it. Ask one thing only."),
        error_messages={"required": gettext_lazy("Write the statement, or take it out.")},
    )
    is_comparable = forms.ChoiceField(
        label=gettext_lazy("Is the new wording comparable with the previous one?"),
        choices=COMPARABLE,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Say whether the new wording is comparable with the old one.")
        },
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=50,
        required=False,
        help_text=gettext_lazy(
            "Names the column in exports: small letters, digits and underscores. Left empty, it is "
            "made of the statement. You can change it until the version is published, and never "
            "afterwards."
        ),
    )
    outcome = forms.TypedChoiceField(
        label=gettext_lazy("What agreement shows"),
        choices=Outcome.choices,
        coerce=int,
        initial=Outcome.SATISFACTION,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Say what agreement with the statement shows.")},
        help_text=gettext_lazy("It cannot be changed once the version is published."),
    )
    speaks_of_objectives = forms.BooleanField(
        label=gettext_lazy("Show the article’s learning objectives beside it"), required=False
    )
    allows_not_applicable = forms.BooleanField(
        label=gettext_lazy("Offer “not applicable”"), required=False
    )

    def __init__(self, *args: Any, known: Mapping[int, KnownStatement], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = known
        number = _number(self["statement"].value(), digits=18)
        self.existing = known.get(number) if number is not None else None
        # Of a new statement there is no other wording; of a published one the rest is fixed.
        for name in ("key", "outcome") if self.existing else ("is_comparable",):
            del self.fields[name]
        if self.existing:
            self.fields["text"].label = _("New wording")
            # Words that were asked before need no answer to whether they are comparable.
            self.fields["is_comparable"].required = not self.is_bound or self.has_new_wording

    @property
    def has_new_wording(self) -> bool:
        """Whether what stands in the form are words that readers have never been asked."""
        text = on_one_line(str(self["text"].value() or ""))
        return self.existing is not None and text not in self.existing.texts

    @property
    def is_reworded(self) -> bool:
        """Whether the wording is another than the one asked last."""
        text = on_one_line(str(self["text"].value() or ""))
        return self.existing is not None and text != self.existing.text

    @property
    def is_open(self) -> bool:
        return self.is_reworded or "text" in self.errors or "is_comparable" in self.errors

    def clean_statement(self) -> int | None:
        if self.cleaned_data["statement"] and self.existing is None:
            raise forms.ValidationError(_("This statement belongs to another survey."))
        return self.existing.statement.pk if self.existing else None

    def clean_text(self) -> str:
        return on_one_line(self.cleaned_data["text"])

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"].strip()
        if key and not re.match(KEY_PATTERN, key):
            raise forms.ValidationError(
                _("Use small letters, digits and underscores, beginning with a letter.")
            )
        if is_reserved(key):
            raise forms.ValidationError(
                _("Every export has a column of this name. Choose another key.")
            )
        for known in self._known.values():
            if key == known.statement.key:
                raise forms.ValidationError(
                    _("This is the key of “%(text)s”. Choose another key, or put that one back in.")
                    % {"text": known.text}
                )
        return key

    def draft_statement(self) -> DraftStatement:
        """Return the cleaned row, not saved and without a version."""
        data = self.cleaned_data
        existing = self.existing.statement if self.existing else None
        return DraftStatement(
            statement=existing,
            key=existing.key if existing else data["key"],
            text=data["text"],
            is_comparable=data["is_comparable"] == "yes" if self.has_new_wording else None,
            outcome=existing.outcome if existing else data["outcome"],
            speaks_of_objectives=data["speaks_of_objectives"],
            allows_not_applicable=data["allows_not_applicable"],
        )


class StatementRows(BaseFormSet[StatementForm]):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """No row counts for nothing: one that is left empty is asked for its statement."""
        return {**super().get_form_kwargs(index), "empty_permitted": False}

    def clean(self) -> None:
        """Refuse the same statement or key twice; give new statements their keys."""
        seen_ids: set[int] = set()
        rows = [form for form in self.forms if form.is_valid()]
        keys = [known.statement.key for known in self.form_kwargs["known"].values()]
        for form in rows:
            pk, key = form.cleaned_data["statement"], form.cleaned_data.get("key")
            if pk is not None and pk in seen_ids:
                form.add_error(None, _("This statement stands in the draft twice. Take one out."))
            elif key and key in keys:
                form.add_error("key", _("Another statement of this draft has the same key."))
            seen_ids |= {pk} if pk is not None else set()
            keys += [key] if key else []
        for form in rows:
            if form.is_valid() and form.existing is None and not form.cleaned_data["key"]:
                form.cleaned_data["key"] = suggest_key(form.cleaned_data["text"], keys)
                keys.append(form.cleaned_data["key"])
        texts: set[str] = set()
        for form in rows:
            text = form.cleaned_data.get("text", "").casefold()
            if form.is_valid() and text in texts:
                form.add_error("text", _("Another statement of this draft reads the same."))
            texts.add(text)


_rows = formset_factory(
    StatementForm,
    formset=StatementRows,
    extra=0,
    max_num=MAX_STATEMENTS,
    absolute_max=MAX_STATEMENTS,
    validate_max=True,
)


class VersionForm(forms.Form):
    """What belongs to the version as a whole."""

    token = forms.CharField(widget=forms.HiddenInput, required=False)
    comment_question = forms.CharField(
        label=gettext_lazy("Question for free text"),
        max_length=300,
        required=False,
        help_text=gettext_lazy(
            "Left empty, readers are asked for no free text. The warning not to write about "
            "patients is shown with it by itself."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for level in Level:
            self.fields[f"label_{level.value}"] = forms.CharField(
                label=_("%(number)d (now “%(label)s”)")
                % {"number": level.value, "label": level.label},
                max_length=60,
                required=False,
            )

    def labels(self) -> Iterator[forms.BoundField]:
        for level in Level:
            yield self[f"label_{level.value}"]

    @property
    def has_own_labels(self) -> bool:
        return any(label.value() or label.errors for label in self.labels())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["comment_question"] = on_one_line(cleaned.get("comment_question", ""))
        names = [f"label_{level.value}" for level in Level]
        labels = [on_one_line(cleaned.get(name, "")) for name in names]
        if any(labels):
            for name, label in zip(names, labels, strict=True):
                if not label and name not in self.errors:
                    self.add_error(name, _("Write all five labels, or none."))
            if len({label.casefold() for label in labels if label}) < len(
                list(filter(None, labels))
            ):
                self.add_error(None, _("Two labels of the scale are the same."))
        standard = [str(level.label) for level in Level]
        cleaned["labels"] = labels if any(labels) and labels != standard else []
        return cleaned


class DraftForm:
    """The whole page's form. ``data``: what was sent, None for what is stored."""

    def __init__(
        self,
        draft: SurveyVersion,
        statements: Sequence[DraftStatement],
        data: QueryDict | None = None,
    ) -> None:
        self.known = known_statements(draft)
        initial = {
            "token": draft_token(draft, statements),
            "comment_question": draft.comment_question,
            **{f"label_{number}": label for number, label in enumerate(draft.labels, 1)},
        }
        self.version = VersionForm(data, initial=initial)
        self.rows = self._make_rows(data, [_initial(row) for row in statements])

    def _make_rows(
        self, data: QueryDict | None, initial: Sequence[Mapping[str, Any]]
    ) -> BaseFormSet[StatementForm]:
        return _rows(data, prefix=PREFIX, initial=initial, form_kwargs={"known": self.known})

    def change_rows(self, data: QueryDict) -> None:
        """Show what was typed, unchecked, with one statement moved, added or taken out."""
        rows: list[dict[str, Any]] = [
            {name: data.get(f"{PREFIX}-{number}-{name}", "") for name in FIELDS}
            for number in range(_count(data))
        ]
        place = _number(data.get("move_up") or data.get("move_down") or data.get("take_out"))
        if place is not None and place < len(rows):
            row = rows.pop(place)
            if "move_up" in data:
                rows.insert(max(place - 1, 0), row)
            elif "move_down" in data:
                rows.insert(place + 1, row)
        elif "put_back" in data:
            known = self.known.get(_number(data["put_back"], digits=18) or 0)
            if known and str(known.statement.pk) not in {row["statement"] for row in rows}:
                rows.append(_put_back(known))
        elif "add" in data:
            rows.append({**dict.fromkeys(FIELDS, ""), "outcome": Outcome.SATISFACTION})
        self.version = VersionForm(initial=data.dict())
        self.rows = self._make_rows(None, rows[:MAX_STATEMENTS])

    def is_valid(self) -> bool:
        is_version_valid, are_rows_valid = self.version.is_valid(), self.rows.is_valid()
        # The rows' own check may have found something in a row that was valid before.
        return is_version_valid and are_rows_valid and not any(self.rows.errors)

    def draft_statements(self) -> list[DraftStatement]:
        """Return what valid rows say, in their order."""
        return [form.draft_statement() for form in self.rows.forms]

    def taken_out(self) -> list[KnownStatement]:
        """Return the published statements that the draft does not ask."""
        asked = {form.existing.statement.pk for form in self.rows.forms if form.existing}
        return [known for pk, known in self.known.items() if pk not in asked]

    @property
    def may_add_rows(self) -> bool:
        return len(self.rows.forms) < MAX_STATEMENTS

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the anchor and the text of each error, in the page's order."""
        if self.rows.is_bound:
            for message in self.rows.non_form_errors():
                yield "statements", str(message)
        for number, form in enumerate(self.rows.forms, start=1):
            for anchor, message in _errors_of(form, f"statement-{number}"):
                said = _("Statement %(number)d: %(message)s")
                yield anchor, said % {"number": number, "message": message}
        for field in [*self.version.labels(), self.version["comment_question"]]:
            for message in field.errors:
                yield field.auto_id, f"{field.label}: {message}"
        for message in self.version.non_field_errors():
            yield "labels", str(message)


def _errors_of(form: StatementForm, whole: str) -> Iterator[tuple[str, str]]:
    """Yield the anchor and the text of each error of a statement; ``whole`` is its own anchor."""
    for message in [*form.non_field_errors(), *form["statement"].errors]:
        yield whole, str(message)
    for field in form.visible_fields():
        # A group of radio buttons is no target itself: its first button is.
        is_group = isinstance(field.field.widget, forms.RadioSelect)
        anchor = f"{field.auto_id}_0" if is_group else field.auto_id
        yield from ((anchor, str(message)) for message in field.errors)


def _initial(row: DraftStatement) -> dict[str, Any]:
    return {
        "statement": row.statement_id or "",
        "is_comparable": {True: "yes", False: "no", None: ""}[row.is_comparable],
        **{
            name: getattr(row, name)
            for name in FIELDS
            if name not in {"statement", "is_comparable"}
        },
    }


def _put_back(known: KnownStatement) -> dict[str, Any]:
    return {
        **dict.fromkeys(FIELDS, ""),
        "statement": str(known.statement.pk),
        "text": known.text,
        "speaks_of_objectives": known.asked[0].speaks_of_objectives,
    }


def _number(text: Any, *, digits: int = MAX_DIGITS) -> int | None:
    """Return the number that ``text`` is, None where it is none or a longer one."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _count(data: QueryDict) -> int:
    number = _number(data.get(f"{PREFIX}-{TOTAL_FORM_COUNT}"))
    return min(number or 0, MAX_STATEMENTS)
