"""The gallery's pages about e-mails at the desk: a mailing in each state, previews, lists."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from articles.models import Article
from portal.mail.models import Delivery, MailEvent, Mailing, RelayPace, Subscriber, Suppression
from portal.mail.services import plan_mailing
from portal.updates.models import UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES
from tests.places import DESK_EDITOR, DESK_STAFF, Place

STATES = ("sent", "sent", "sent", "failed", "skipped", "unknown")


def mailing_places(mailing: Mailing) -> list[Place]:
    """Return the pages; ``mailing``: one with real content, which is left as it is."""
    by_state = _mailings(mailing)
    unknown = by_state["running"].deliveries.get(state="unknown")
    suppression = _lists(by_state["running"])
    draft = Article.objects.get(status=Article.Status.DRAFT)
    _digests()

    def desk(name: str, view: str, *arguments: object, visitor: str = DESK_STAFF) -> Place:
        return Place(name, reverse(f"admin:{view}", args=arguments), visitor)

    running = by_state["running"].pk
    settle = reverse("admin:mail_mailing_settle", args=[running])
    return [
        desk("desk-upcoming", "mail_mailing_upcoming", visitor=DESK_EDITOR),
        *(
            desk(f"desk-mailing-{state}", "mail_mailing_change", one.pk)
            for state, one in by_state.items()
        ),
        desk("desk-mailing-editor", "mail_mailing_change", running, visitor=DESK_EDITOR),
        desk("desk-mailing-history", "mail_mailing_history", running),
        desk("desk-mailing-preview", "mail_mailing_preview", "mailing", mailing.pk),
        Place(
            "desk-article-mail",
            reverse("admin:mail_mailing_preview", args=["article", draft.pk]),
            DESK_EDITOR,
        ),
        desk("desk-mailing-cancel", "mail_mailing_cancel", running),
        desk("desk-mailing-settle", "mail_mailing_settle", running),
        Place("desk-mailing-settle-error", settle, DESK_STAFF, press="Continue", status=400),
        desk("desk-delivery", "mail_delivery_change", unknown.pk),
        desk("desk-delivery-settle", "mail_delivery_settle", unknown.pk),
        desk("desk-mail-events", "mail_mailevent_changelist"),
        desk("desk-suppressions", "mail_suppression_changelist"),
        desk("desk-suppression", "mail_suppression_change", suppression.pk),
        desk("desk-suppression-new", "mail_suppression_add"),
        Place(
            "desk-suppression-error",
            reverse("admin:mail_suppression_add"),
            DESK_STAFF,
            press="Save",
        ),
    ]


def _mailings(mailing: Mailing) -> dict[str, Mailing]:
    now = timezone.now()
    changes = {
        "waiting": {"approved_at": None},
        "running": {},
        "paused": {"paused_at": now},
        "cancelled": {"cancelled_at": now},
    }
    made = {}
    for state, change in changes.items():
        one = plan_mailing(
            key=f"gallery:{state}",
            item_keys=[f"gallery:{state}"],
            stream=ARTICLE_UPDATES.key,
            subject=f"{mailing.subject} ({state})",
            html=mailing.html,
            text=mailing.text,
            language=mailing.language,
            recipients=Subscriber.objects.consenting_to(ARTICLE_UPDATES.key),
            deadline_at=now + timedelta(days=3),
        )
        assert one is not None
        Mailing.objects.filter(pk=one.pk).update(**change)
        made[state] = one
    _send_some(made["running"])
    return made


def _send_some(mailing: Mailing) -> None:
    now = timezone.now()
    reasons = {"failed": "refused", "skipped": "opted_out"}
    for delivery, state in zip(mailing.deliveries.order_by("pk"), STATES, strict=False):
        Delivery.objects.filter(pk=delivery.pk).update(
            state=state,
            reason=reasons.get(state, ""),
            attempts=1,
            started_at=now,
            finished_at=now,
        )


def _lists(mailing: Mailing) -> Suppression:
    first, second = mailing.deliveries.order_by("pk")[:2]
    MailEvent.objects.create(
        delivery=first, kind="bounced", source="smtp", detail="550 5.1.1 No such mailbox"
    )
    MailEvent.objects.create(delivery=second, kind="complained", source="provider")
    RelayPace.objects.get_or_create(relay="smtp.example:587")
    Suppression.objects.create(
        address="former@hospital.example",
        reason="unreachable",
        expires_at=timezone.now() + timedelta(days=90),
    )
    return Suppression.objects.create(address="annoyed@hospital.example", reason="complaint")


def _digests() -> None:
    for number, subscriber in enumerate(Subscriber.objects.order_by("-pk")[:3]):
        UpdateFrequency.objects.update_or_create(
            subscriber=subscriber,
            defaults={"frequency": ("daily", "daily", "weekly")[number]},
        )
