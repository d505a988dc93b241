"""Each night: does any account hold two duties that must be apart?"""

from datetime import date

from django.contrib.auth.backends import ModelBackend
from django.db.models import F, Func
from django.utils import timezone

from articles.models import ArticleVersion
from portal.accounts.models import User

from .models import MembershipAudit

Findings = dict[str, list[int]]

_AGREEMENTS = ("funders.add_agreement", "funders.change_agreement")
_APPROVAL = "articles.approve_article"


def audit_memberships(on: date | None = None) -> MembershipAudit:
    """Record what there is to find on ``on`` (default: today), once a day (at most 7 queries).

    Asked again on the same day, also by another process at the same time, returns the first.
    """
    on = on or timezone.localdate()
    if audit := MembershipAudit.objects.filter(day=on).first():
        return audit
    audit, _created = MembershipAudit.objects.get_or_create(
        day=on, defaults={"findings": find_joined_duties()}
    )
    return audit


def find_joined_duties() -> Findings:
    """Return who and what a night's audit would find now (5 queries)."""
    approvers = _who_may(_APPROVAL)
    joined = approvers.intersection(set().union(*map(_who_may, _AGREEMENTS)))
    superusers = User.objects.filter(is_active=True, is_superuser=True).order_by("pk")
    # The database compares: writers are keys in an array of the version's own.
    approver = Func(F("approved_by"), template="ARRAY[%(expressions)s]")
    approved = ArticleVersion.objects.filter(written_by__contains=approver)
    return {
        "both_duties": sorted(joined),
        "superusers": list(superusers.values_list("pk", flat=True)),
        "approved_by_writer": list(approved.order_by("pk").values_list("pk", flat=True)),
    }


def _who_may(permission: str) -> set[int]:
    """Return the active accounts that hold ``permission``, by themselves or by a group."""
    accounts = ModelBackend().with_perm(permission, include_superusers=False)
    return set(accounts.values_list("pk", flat=True))
