"""Subscribing, confirming, choosing topics, leaving. None of it needs an account."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from articles.models import topic_tree
from portal.core.doors import public
from portal.core.http import private
from portal.core.token_pages import token_page
from portal.mail.models import Subscriber

from .forms import SubscribeForm, TopicsForm
from .models import TopicSubscription
from .services import choose_topics, confirm_subscription, request_subscription, unsubscribe
from .streams import ARTICLE_UPDATES, ARTICLE_UPDATES_WORDING
from .tokens import (
    ExpiredTokenError,
    preferences_url,
    read_confirmation,
    read_preferences,
    read_unsubscribe,
)


@public
@private
def subscribe(request: HttpRequest) -> HttpResponse:
    """Take an address and answer the same, whether we know it or not."""
    form = SubscribeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        request_subscription(
            email=form.cleaned_data["email"], topic_ids=form.cleaned_data["topics"]
        )
        return redirect("subscribe_done")
    return render(request, "updates/subscribe.html", {"form": form})


@public
@require_safe
def subscribe_done(request: HttpRequest) -> HttpResponse:
    return render(request, "updates/subscribe_done.html")


@token_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is to be confirmed; POST confirms it. A scanner that opens links does nothing."""
    try:
        confirmation = read_confirmation(token)
    except ExpiredTokenError:
        return render(request, "updates/confirmation_expired.html", status=HTTPStatus.GONE)
    if confirmation is None:
        raise Http404
    subscriber = confirmation.subscriber
    if request.method == "POST":
        confirm_subscription(subscriber=subscriber, topic_ids=confirmation.topic_ids)
        return render(
            request, "updates/confirmed.html", {"preferences_url": preferences_url(subscriber)}
        )
    topics = [
        topic.name for pk, topic in topic_tree().topics.items() if pk in confirmation.topic_ids
    ]
    return render(
        request,
        "updates/confirm.html",
        {"subscriber": subscriber, "topics": topics, "wording": ARTICLE_UPDATES_WORDING},
    )


@token_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show and change the topics that a subscriber is told of."""
    subscriber = _subscriber_or_404(read_preferences(token))
    is_saved = False
    if request.method == "POST":
        form = TopicsForm(request.POST)
        if form.is_valid():
            choose_topics(subscriber=subscriber, topic_ids=form.cleaned_data["topics"])
            is_saved = True
    else:
        chosen = TopicSubscription.objects.filter(subscriber=subscriber).values_list(
            "topic", flat=True
        )
        form = TopicsForm(initial={"topics": list(chosen)})
    return render(
        request,
        "updates/preferences.html",
        {
            "form": form,
            "is_saved": is_saved,
            "is_subscribed": subscriber.consents_to(ARTICLE_UPDATES.key),
            "subscriber": subscriber,
            "unsubscribe_url": ARTICLE_UPDATES.links["unsubscribe_url"](subscriber),
        },
    )


@token_page
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; POST ends the mails, from the page or as RFC 8058's one click."""
    subscriber = _subscriber_or_404(read_unsubscribe(token))
    if request.method == "POST":
        is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        unsubscribe(subscriber=subscriber, is_one_click=is_one_click)
        return render(request, "updates/unsubscribed.html")
    return render(request, "updates/unsubscribe.html", {"subscriber": subscriber})


def _subscriber_or_404(subscriber: Subscriber | None) -> Subscriber:
    if subscriber is None:
        raise Http404
    return subscriber
