from django import template

from portal.accounts.models import User
from portal.updates.choices import subscriptions_of
from portal.updates.tokens import preferences_url

register = template.Library()


@register.inclusion_tag("updates/_subscribe_box.html")
def subscribe_box() -> dict[str, object]:
    """Show the way to the updates by e-mail (no query, no cookie)."""
    return {}


@register.simple_tag(name="subscriptions_of")
def subscriptions_of_tag(user: User) -> list[dict[str, str]]:
    """Return ``address`` and ``preferences_url`` of each subscription of the account (1 query)."""
    return [
        {"address": subscriber.email, "preferences_url": preferences_url(subscriber)}
        for subscriber in subscriptions_of(user)
    ]
