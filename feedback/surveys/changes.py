"""What publishing a draft changes, for readers and for results and exports, in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from feedback.models import (
    DraftStatement,
    Level,
    Survey,
    SurveyItem,
    SurveyVersion,
)

from .keys import is_reserved


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what readers see and the draft."""

    title: str
    effect: str
    before: str = ""
    after: str = ""


def newest_published(survey: Survey) -> SurveyVersion | None:
    """Return the version that readers see (1 query)."""
    return survey.versions.filter(published_at__isnull=False).order_by("-number").first()


def asked_so_far(
    statement_ids: Iterable[int] | QuerySet[Any, Any],
) -> dict[int, list[SurveyItem]]:
    """Return where published versions ask the statements, what was asked last first (1 query)."""
    found: dict[int, list[SurveyItem]] = {}
    for item in (
        SurveyItem.objects.filter(
            wording__statement__in=statement_ids, version__published_at__isnull=False
        )
        .select_related("wording__statement")
        .order_by("wording__statement", "-version__number")
    ):
        found.setdefault(item.wording.statement_id, []).append(item)
    return found


def problems_of(
    draft: SurveyVersion, statements: Sequence[DraftStatement], changes: Sequence[Change]
) -> list[str]:
    """Return why the draft cannot be published, in sentences (2 queries).

    ``changes``: what ``changes_of`` says of it.
    """
    if not statements:
        return [_("The draft has no statement. Add one, or put one back in.")]
    problems = []
    asked = _asked_so_far(statements)
    own = set(draft.survey.statements.values_list("key", flat=True))
    for row in statements:
        items = asked.get(row.statement_id or 0)
        if items is None:
            if row.key in own:
                problems.append(
                    _("“%(key)s” is the key of another statement of this survey.")
                    % {"key": row.key}
                )
            elif is_reserved(row.key):
                problems.append(
                    _("“%(key)s” is the name of a column of every export.") % {"key": row.key}
                )
        elif row.is_comparable is None and row.text not in _texts(items):
            problems.append(
                _("Say whether the new wording of “%(key)s” compares with the one before.")
                % {"key": row.key}
            )
    if not problems and not changes:
        problems.append(
            _("The draft is the same as what readers see now: there is nothing to publish.")
        )
    return problems


def _asked_so_far(statements: Sequence[DraftStatement]) -> dict[int, list[SurveyItem]]:
    return asked_so_far([row.statement_id for row in statements if row.statement_id])


def _texts(items: Iterable[SurveyItem]) -> set[str]:
    return {item.wording.text for item in items}


def changes_of(draft: SurveyVersion, statements: Sequence[DraftStatement]) -> list[Change]:
    """Return the differences from what readers see now, the statements' first (3 queries)."""
    newest = (
        draft.survey.versions.filter(published_at__isnull=False)
        .order_by("-number")
        .prefetch_related(
            Prefetch("items", SurveyItem.objects.select_related("wording__statement"))
        )
        .first()
    )
    before = {item.wording.statement_id: item for item in newest.items.all()} if newest else {}
    asked = _asked_so_far(statements)
    changes: list[Change] = []
    for row in statements:
        item = before.get(row.statement_id or 0)
        items = asked.get(row.statement_id or 0, [])
        changes += [_added(row, items)] if item is None else _altered(row, item, items)
    kept = {row.statement_id for row in statements}
    changes += [_taken_out(item) for pk, item in before.items() if pk not in kept]
    if _order(before, kept) != [
        row.statement_id for row in statements if row.statement_id in before
    ]:
        changes.append(
            Change(
                _("Another order of the statements"),
                _("Nothing moves in results and exports: columns stay where they are."),
            )
        )
    return [*changes, *_of_the_form(draft, newest)]


def _order(before: dict[int, SurveyItem], kept: set[int | None]) -> list[int]:
    return [pk for pk in before if pk in kept]


def _added(row: DraftStatement, items: Sequence[SurveyItem]) -> Change:
    if items:
        last = items[0].wording.text
        return Change(
            _("Put back in: “%(key)s”") % {"key": row.key},
            _(
                "New answers stand in the column that it had before; responses in between stay "
                "empty there."
            )
            if row.text == last
            else _wording_effect(row, items),
            before=last if row.text != last else "",
            after=row.text,
        )
    return Change(
        _("New statement: “%(key)s”") % {"key": row.key},
        _(
            "Exports get a new column, behind all others; it is empty for responses that are "
            "there already. The key cannot be changed any more."
        ),
        after=row.text,
    )


def _taken_out(item: SurveyItem) -> Change:
    return Change(
        _("Taken out: “%(key)s”") % {"key": item.wording.statement.key},
        _(
            "Its answers so far stay in results and exports, and so does its column; it is empty "
            "for new responses."
        ),
        before=item.wording.text,
    )


def _altered(
    row: DraftStatement, item: SurveyItem, items: Sequence[SurveyItem]
) -> Iterator[Change]:
    names = {"key": row.key}
    if row.text != item.wording.text:
        yield Change(
            _("New wording of “%(key)s”") % names,
            _wording_effect(row, items),
            before=item.wording.text,
            after=row.text,
        )
    if row.allows_not_applicable != item.allows_not_applicable:
        if row.allows_not_applicable:
            title = _("“%(key)s” may be answered “not applicable”")
            effect = _(
                "Such answers are counted apart and in no percentage. Exports have them in a "
                "column of their own, behind all others."
            )
        else:
            title = _("“%(key)s” may no longer be answered “not applicable”")
            effect = _("Such answers that are there already stay what they are.")
        yield Change(title % names, effect)
    if row.speaks_of_objectives != item.speaks_of_objectives:
        if row.speaks_of_objectives:
            title = _("The article’s learning objectives stand beside “%(key)s”")
        else:
            title = _("The article’s learning objectives no longer stand beside “%(key)s”")
        yield Change(title % names, _("Nothing changes in results and exports."))


def _wording_effect(row: DraftStatement, items: Sequence[SurveyItem]) -> str:
    if row.text in _texts(items):
        return _(
            "An earlier wording comes back: new answers are added to those that it had before, "
            "in the same column of exports."
        )
    if row.is_comparable:
        return _(
            "Comparable: results add up the answers to both wordings under the new one. The "
            "column in exports stays the same."
        )
    return _(
        "Not comparable: results show the two wordings apart, and the new one starts with no "
        "answers. Exports keep them apart, too; the answers so far stay where they are."
    )


def _of_the_form(draft: SurveyVersion, newest: SurveyVersion | None) -> Iterator[Change]:
    standard = [str(level.label) for level in Level]
    old_labels = (newest.labels if newest else []) or standard
    new_labels = draft.labels or standard
    if old_labels != new_labels:
        yield Change(
            _("Other labels of the scale"),
            _(
                "Answers under different labels are never added up: with the new ones, every "
                "statement starts with no answers, in results and in exports. The answers so far "
                "stay where they are."
            ),
            before=" · ".join(old_labels) if newest else "",
            after=" · ".join(new_labels),
        )
    old_question = newest.comment_question if newest else ""
    if old_question != draft.comment_question:
        if not old_question:
            title = _("A question for free text")
        elif draft.comment_question:
            title = _("Another question for free text")
        else:
            title = _("No question for free text any more")
        yield Change(
            title,
            _("Texts that are there already stay. Who may read them does not change."),
            before=old_question,
            after=draft.comment_question,
        )
