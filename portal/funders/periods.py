"""When a funder's agreements leave a gap, and when several of them run at the same time."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import combinations

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .models import FAR_FUTURE, Agreement

DAY = timedelta(days=1)


def gaps(agreements: Iterable[Agreement]) -> list[str]:
    """Say in words which days lie between agreements of one kind and scope (0 queries)."""
    found = []
    last_days: dict[tuple[str, str], date] = {}
    for agreement in sorted(agreements, key=lambda one: one.starts_on):
        scope = agreement.kind, "" if agreement.is_site_wide else agreement.purpose
        last_day = last_days.get(scope, FAR_FUTURE)
        if last_day < agreement.starts_on - DAY:
            found.append(
                _("No agreement of the kind “%(kind)s” for %(scope)s from %(first)s to %(last)s.")
                % {
                    "kind": agreement.get_kind_display(),
                    "scope": scope[1] or _("the whole site"),
                    "first": _day(last_day + DAY),
                    "last": _day(agreement.starts_on - DAY),
                }
            )
        last_days[scope] = agreement.ends_on or FAR_FUTURE
    return found


def overlaps(agreements: Iterable[Agreement]) -> list[str]:
    """Say in words which agreements of different kinds or scopes share days (0 queries).

    The database refuses two of one kind and scope at a time.
    """
    found = []
    for one, other in combinations(sorted(agreements, key=lambda one: one.starts_on), 2):
        first = max(one.starts_on, other.starts_on)
        last = min(one.ends_on or FAR_FUTURE, other.ends_on or FAR_FUTURE)
        if first > last:
            continue
        sentence = (
            _("%(one)s and %(other)s run at the same time since %(first)s.")
            if last == FAR_FUTURE
            else _("%(one)s and %(other)s run at the same time from %(first)s to %(last)s.")
        )
        parts = {"one": _label(one), "other": _label(other), "first": _day(first)}
        found.append(sentence % {**parts, "last": _day(last)})
    return found


def _label(agreement: Agreement) -> str:
    scope = _("the whole site") if agreement.is_site_wide else agreement.purpose
    names = {"kind": agreement.get_kind_display(), "scope": scope}
    return _("%(kind)s (%(scope)s)") % names


def _day(day: date) -> str:
    return date_format(day, "j F Y")
