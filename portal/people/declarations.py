"""What counts as a declaration: the same rules for the page of the link and for the desk."""

from datetime import date

from django.utils.translation import gettext as _

# How far back the rules look (ACCME).
MONTHS = 24
EARLIEST_YEAR = 1900
MAX_RELATIONSHIPS = 50


def first_day_that_counts(declared_on: date) -> date:
    """Return the day 24 months before ``declared_on``: what ended earlier is not asked for."""
    year = declared_on.year - MONTHS // 12
    try:
        return declared_on.replace(year=year)
    except ValueError:  # 29 February
        return declared_on.replace(year=year, day=28)


def period_errors(
    starts_on: date | None, ends_on: date | None, declared_on: date
) -> dict[str, str]:
    """Return field name → error of a relationship's dates, as declared on ``declared_on``."""
    errors: dict[str, str] = {}
    if starts_on and starts_on > declared_on:
        errors["starts_on"] = _("This is after the day of the declaration.")
    elif starts_on and starts_on.year < EARLIEST_YEAR:
        errors["starts_on"] = _("Check the year.")
    if ends_on is None:
        return errors
    if ends_on > declared_on:
        errors["ends_on"] = _(
            "This is after the day of the declaration. Say that the relationship goes on."
        )
    elif starts_on and ends_on < starts_on:
        errors["ends_on"] = _("The relationship ends before it begins.")
    elif ends_on < first_day_that_counts(declared_on):
        errors["ends_on"] = _(
            "It ended more than 24 months before the declaration: leave this relationship out."
        )
    return errors


def answer_error(*, has_none: bool, relationship_count: int) -> str:
    """Return what is wrong with "none" and the number of relationships together, or ""."""
    if has_none and relationship_count:
        return _("“Nothing to disclose” and relationships exclude each other.")
    if not has_none and not relationship_count:
        return _("Enter at least one relationship, or declare that there is none.")
    return ""
