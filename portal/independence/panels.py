"""What the desk's start page says of separate duties."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from articles.models import ArticleVersion
from portal.accounts.models import User

from .models import MembershipAudit


def duties_to_separate(request: HttpRequest) -> dict[str, Any] | None:
    """What the latest audit found; not shown when that is nothing (1 query, else at most 3)."""
    if not request.user.has_perm("independence.view_report"):
        return None
    audit = MembershipAudit.objects.first()
    if audit is None:
        return None
    accounts = User.objects.filter(pk__in=audit.findings["both_duties"]).order_by("pk")
    versions = ArticleVersion.objects.filter(pk__in=audit.findings["approved_by_writer"])
    may_change_accounts = request.user.has_perm("accounts.view_user")
    items = [
        {
            "label": str(account),
            "url": reverse("admin:accounts_user_change", args=[account.pk])
            if may_change_accounts
            else "",
            "note": _("may change agreements and approve articles"),
        }
        for account in (accounts if audit.findings["both_duties"] else [])
    ]
    items += [
        {
            "label": str(version),
            "url": reverse("admin:articles_articleversion_change", args=[version.pk]),
            "note": _("approved by somebody who wrote it"),
        }
        for version in (versions.order_by("pk") if audit.findings["approved_by_writer"] else [])
    ]
    return {"title": _("Duties that must be apart"), "items": items} if items else None
