"""Subscribing, confirming, choosing, pausing, leaving. None of it needs an account."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from articles.models import topic_tree
from portal.accounts.models import User
from portal.core.doors import public
from portal.core.http import private
from portal.core.token_pages import token_page
from portal.mail.models import Consent, Subscriber

from .choices import (
    consent_streams,
    half_hidden,
    is_paused,
    manner_of,
    own_address,
    save_preferences,
    today_of,
)
from .forms import PAUSES, PreferencesForm, SubscribeForm
from .models import TopicSubscription, UpdateFrequency
from .services import (
    confirm_subscription,
    has_left_since,
    request_subscription,
    resubscribe,
    subscribe_account,
    suppressions_of,
    unsubscribe,
)
from .streams import ARTICLE_UPDATES, ARTICLE_UPDATES_WORDING
from .tokens import (
    ExpiredTokenError,
    preferences_url,
    read_confirmation,
    read_preferences,
    read_unsubscribe,
    unsubscribe_url,
)


@public
@private
def subscribe(request: HttpRequest) -> HttpResponse:
    """Take an address and answer the same, whether we know it or not.

    Only who is signed in and gives the account's own confirmed address is subscribed at once.
    """
    user = request.user if isinstance(request.user, User) else None
    if request.method != "POST":
        own = own_address(user) if user else None
        form = SubscribeForm(initial={"email": own.email} if own else None)
        return render(request, "updates/subscribe.html", {"form": form})
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return render(request, "updates/subscribe.html", {"form": form})
    email, topic_ids = form.cleaned_data["email"], form.cleaned_data["topics"]
    manner = form.manner()
    if user:
        subscriber = subscribe_account(user=user, email=email, topic_ids=topic_ids, manner=manner)
        if subscriber:
            return _confirmed(request, subscriber)
    request_subscription(email=email, topic_ids=topic_ids, manner=manner)
    return redirect("subscribe_done")


@public
@require_safe
def subscribe_done(request: HttpRequest) -> HttpResponse:
    return render(request, "updates/subscribe_done.html")


@token_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is to be confirmed; the button confirms it.

    A scanner that opens links does nothing, nor does one that posts without the button's word.
    """
    try:
        confirmation = read_confirmation(token)
    except ExpiredTokenError:
        return _expired(request)
    if confirmation is None:
        return _unknown_link(request)
    subscriber, manner = confirmation.subscriber, confirmation.manner
    topics = [
        topic.name for pk, topic in topic_tree().topics.items() if pk in confirmation.topic_ids
    ]
    # None at all would mean all articles.
    if confirmation.topic_ids and not topics:
        return _expired(request, reason="topics")
    if has_left_since(subscriber, confirmation.issued_at):
        return _expired(request, reason="left")
    if "confirm" in request.POST:
        confirm_subscription(
            subscriber=subscriber,
            topic_ids=confirmation.topic_ids,
            manner=manner,
            issued_at=confirmation.issued_at,
        )
        return _confirmed(request, subscriber)
    return render(
        request,
        "updates/confirm.html",
        {
            "address": half_hidden(subscriber.email),
            "topics": topics,
            "wording": ARTICLE_UPDATES_WORDING,
            "rhythm": UpdateFrequency(frequency=manner.frequency, weekday=manner.weekday),
            "time_zone": manner.time_zone,
        },
    )


def _expired(request: HttpRequest, *, reason: str = "") -> HttpResponse:
    context = {"reason": reason}
    return render(request, "updates/confirmation_expired.html", context, status=HTTPStatus.GONE)


def _confirmed(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    context = {
        "preferences_url": preferences_url(subscriber),
        "manner": manner_of(subscriber),
        "is_paused": is_paused(subscriber),
        "paused_until": subscriber.paused_until,
        "suppression": suppressions_of(subscriber.email).first(),
    }
    return render(request, "updates/confirmed.html", context)


@token_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show and change all that a subscriber may choose (GET: 4 queries)."""
    subscriber = read_preferences(token)
    if subscriber is None:
        return _unknown_link(request)
    form, done = None, ""
    if request.method == "POST":
        # Whatever else stands in the form: leaving never waits for a mistake to be mended.
        if "unsubscribe" in request.POST:
            unsubscribe(subscriber=subscriber, is_one_click=False, is_from_all=True)
            done = "unsubscribed"
        else:
            form = PreferencesForm(request.POST, today=today_of(subscriber))
            if form.is_valid():
                _save(subscriber, form)
                done = _what_was_done(request)
    words = _words(subscriber)
    if done or form is None:
        form = _current_form(subscriber, words)
    context = {"done": done, "form": form, **_standing(subscriber, words)}
    return render(request, "updates/preferences.html", context)


def _what_was_done(request: HttpRequest) -> str:
    button = request.POST.get("pause", "")
    if button == "stop":
        return "resumed"
    return "paused" if button in (*PAUSES, "day") else "saved"


def _save(subscriber: Subscriber, form: PreferencesForm) -> None:
    ticked, shown = set(form.cleaned_data["streams"]), set(form.cleaned_data["shown"])
    save_preferences(
        subscriber=subscriber,
        switched_on=ticked - shown,
        switched_off=shown - ticked,
        topic_ids=form.cleaned_data["topics"],
        manner=form.manner(),
        paused_until=form.cleaned_data["paused_until"],
    )


def _current_form(subscriber: Subscriber, words: list[Consent]) -> PreferencesForm:
    """Return the form as the subscriber's choices stand."""
    manner = manner_of(subscriber)
    topics = TopicSubscription.objects.filter(subscriber=subscriber)
    wanted = [word.stream for word in words if word.is_granted]
    return PreferencesForm(
        today=today_of(subscriber),
        initial={
            "streams": wanted,
            "shown": wanted,
            "topics": list(topics.values_list("topic", flat=True)),
            "frequency": manner.frequency,
            "weekday": manner.weekday,
            "language": manner.language,
            "time_zone": manner.time_zone,
            "paused_until": subscriber.paused_until if is_paused(subscriber) else None,
        },
    )


def _words(subscriber: Subscriber) -> list[Consent]:
    """Return the subscriber's latest word on each stream that needs consent."""
    keys = [stream.key for stream in consent_streams()]
    latest = subscriber.consents.filter(stream__in=keys).order_by("stream", "-pk")
    return list(latest.distinct("stream"))


def _standing(subscriber: Subscriber, words: list[Consent]) -> dict[str, Any]:
    """Return what the page of preferences says before it asks."""
    return {
        "address": half_hidden(subscriber.email),
        "words": words,
        "is_subscribed": any(word.is_granted for word in words),
        "is_paused": is_paused(subscriber),
        "paused_until": subscriber.paused_until,
        "suppression": suppressions_of(subscriber.email).first(),
        "pauses": [int(weeks) for weeks in PAUSES],
    }


@token_page
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show buttons; POST ends the mails, from the page or as RFC 8058's one click.

    A robot that posts without a word of ours ends them, too; they begin again only with the
    button for it.
    """
    subscriber = read_unsubscribe(token)
    if subscriber is None:
        return _unknown_link(request)
    links: dict[str, Any] = {
        "address": half_hidden(subscriber.email),
        "preferences_url": preferences_url(subscriber),
        "unsubscribe_url": unsubscribe_url(subscriber),
        "wording": ARTICLE_UPDATES_WORDING,
    }
    if request.method == "POST":
        is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        if "again" in request.POST and not is_one_click:
            if resubscribe(subscriber=subscriber):
                return _confirmed(request, subscriber)
            return redirect("subscribe_done")
        unsubscribe(
            subscriber=subscriber,
            is_one_click=is_one_click,
            is_from_all="all" in request.POST,
        )
        return render(request, "updates/unsubscribed.html", links)
    wanted = {word.stream for word in _words(subscriber) if word.is_granted}
    if not wanted:
        return render(request, "updates/unsubscribed.html", links)
    links["has_others"] = bool(wanted - {ARTICLE_UPDATES.key})
    return render(request, "updates/unsubscribe.html", links)


def _unknown_link(request: HttpRequest) -> HttpResponse:
    return render(request, "updates/unknown_link.html", status=HTTPStatus.NOT_FOUND)
