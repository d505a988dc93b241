"""The mails that subscribers get, and their copies on the web."""

import uuid
from datetime import timedelta

import time_machine
from django.conf import settings
from django.utils import timezone
from django.utils.html import escape

from articles.models import Article
from portal.funders.disclosure import current_funding_statement
from portal.mail.models import Consent, Delivery, Mailing, Subscriber
from portal.updates.announcements import announce_article
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency
from portal.updates.notices import send_correction, send_withdrawal
from portal.updates.streams import ARTICLE_UPDATES
from portal.updates.tokens import preferences_url, unsubscribe_url
from portal.updates.web_copies import web_copy_url
from tests.places import READER, Place


def mail_places(
    mailing: Mailing, subscriber: Subscriber, *, corrected: Article, withdrawn: Article
) -> list[Place]:
    for article in (corrected, withdrawn):
        announce_article(article=article, version=article.versions.earliest("number"))
    now = timezone.now()
    # Somebody who chose no topics is told of everything.
    told = Subscriber.objects.get(email="reader2@hospital.example")
    Delivery.objects.filter(subscriber=told).exclude(mailing=mailing).update(
        state=Delivery.State.SENT, attempts=1, started_at=now, finished_at=now
    )
    correction = send_correction(article=corrected, version=corrected.versions.latest("number"))[0]
    withdrawal = send_withdrawal(article=withdrawn)[0]
    mails = {
        "article-update": mailing,
        "correction": correction,
        "withdrawal": withdrawal,
        "digest": _digest(),
    }
    cancelled = Mailing.objects.filter(cancelled_at__isnull=False).latest("pk")
    return [
        *(
            Place(f"mail-{name}", f"/mail/{name}/", html=_filled(mail, subscriber))
            for name, mail in mails.items()
        ),
        Place("web-copy", _copy(mailing)),
        Place("web-copy-attested", _copy(mailing), READER),
        Place("web-copy-gone", _copy(cancelled), status=410),
    ]


def _digest() -> Mailing:
    """Return the digest of somebody who subscribed before the demo was published."""
    reader = Subscriber.objects.create(
        public_id=uuid.UUID(int=10), email="c.reader@hospital.example", confirmed_at=timezone.now()
    )
    Consent.objects.create(
        subscriber=reader,
        stream=ARTICLE_UPDATES.key,
        is_granted=True,
        recorded_at=timezone.now() - timedelta(days=1),
    )
    UpdateFrequency.objects.create(subscriber=reader, frequency=UpdateFrequency.Frequency.DAILY)
    with time_machine.travel(timezone.now().replace(hour=12)):
        plan_due_digests()
    return Mailing.objects.get(key__startswith="digest:")


def _filled(mailing: Mailing, subscriber: Subscriber) -> str:
    fillings = {
        "preferences_url": preferences_url(subscriber),
        "unsubscribe_url": unsubscribe_url(subscriber),
        "funding": str(current_funding_statement()),
        "view_url": web_copy_url(mailing),
    }
    html = mailing.html
    for name, filling in fillings.items():
        html = html.replace(f"[[{name}]]", escape(filling))
    return html


def _copy(mailing: Mailing) -> str:
    return web_copy_url(mailing).removeprefix(settings.SITE_URL)
