"""Hiding readers' free text, and showing it again: with a reason, and with a line in the log."""

from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.db import transaction

from portal.accounts.models import User

from .models import HiddenComment, Response


@transaction.atomic
def hide_comment(*, response: Response, user: User, reason: str) -> None:
    """Hide a response's free text from everybody who may not hide it; twice changes nothing."""
    hidden, is_new = HiddenComment.objects.get_or_create(
        response=response, defaults={"reason": reason, "hidden_by": user}
    )
    if is_new:
        _log(hidden, user, ADDITION)


@transaction.atomic
def show_comment(*, response: Response, user: User) -> None:
    """Show a hidden free text again; the log keeps why it was hidden."""
    for hidden in HiddenComment.objects.select_for_update().filter(response=response):
        _log(hidden, user, DELETION)
        hidden.delete()


def _log(hidden: HiddenComment, user: User, action: int) -> None:
    LogEntry.objects.log_actions(
        user_id=user.pk,
        queryset=[hidden],
        action_flag=action,
        change_message=hidden.reason,
        single_object=True,
    )
