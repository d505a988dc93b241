"""One message of a mail, to whoever is about to approve it."""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core.addresses import ascii_address

from .models import Delivery, Subscriber
from .previews import Preview
from .services import plan_personal_mail
from .streams import TRIALS
from .tasks import wake_workers

MOST_TRIALS, TRIAL_PERIOD = 5, timedelta(minutes=10)
# Whoever tests is waiting for it.
TRIAL_VALIDITY = timedelta(hours=1)


class TrialRefusedError(Exception):
    """Not sent; the argument says why, in words for who pressed the button."""


@transaction.atomic
def send_trial(*, preview: Preview, user: User) -> Delivery:
    """Plan ``preview`` as one message to the user's own address, through the real outbox.

    Raises TrialRefusedError above ``MOST_TRIALS`` within ``TRIAL_PERIOD``.
    """
    try:
        address = ascii_address(user.email)
    except ValidationError as error:
        raise TrialRefusedError(
            _("No e-mail can be sent to the address of your account.")
        ) from error
    Subscriber.objects.bulk_create([Subscriber(email=address)], ignore_conflicts=True)
    # Two clicks at once must not both find the limit free.
    subscriber = Subscriber.objects.with_address(address).select_for_update().get()
    lately = Delivery.objects.filter(
        subscriber=subscriber,
        mailing__stream=TRIALS.key,
        created_at__gt=timezone.now() - TRIAL_PERIOD,
    )
    if lately.count() >= MOST_TRIALS:
        raise TrialRefusedError(
            _("You have had %(count)d tests within ten minutes. Please wait a little.")
            % {"count": MOST_TRIALS}
        )
    delivery = plan_personal_mail(
        key=f"trial:{uuid.uuid4()}",
        subscriber=subscriber,
        # Not translated: a mark that filters in mail programs find.
        subject=f"[Test] {preview.subject}",
        html=preview.filled_html(),
        text=preview.filled_text(),
        language=preview.language,
        stream=TRIALS,
        validity=TRIAL_VALIDITY,
    )
    wake_workers()
    return delivery
