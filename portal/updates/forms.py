from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from articles.models import Topic
from portal.core.content_cache import content_cached
from portal.mail.addresses import ascii_address

from .streams import ARTICLE_UPDATES_WORDING


@content_cached
def topic_choices() -> list[tuple[int, str]]:
    """Return all topics as (id, name), by name (0 queries once remembered)."""
    return list(Topic.objects.order_by("name").values_list("pk", "name"))


class TopicsForm(forms.Form):
    """Which topics to be told of; none means all."""

    topics = forms.TypedMultipleChoiceField(
        label=_("Topics"),
        help_text=_("Choose none to hear of every new article."),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topics"].choices = topic_choices()  # type: ignore[attr-defined]


class SubscribeForm(TopicsForm):
    # Not an EmailField: our own check also knows which addresses every mail server takes.
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    consent = forms.BooleanField(
        label=ARTICLE_UPDATES_WORDING,
        error_messages={"required": _("Tick the box if you want to get these e-mails.")},
    )

    field_order = ["email", "topics", "consent"]

    def clean_email(self) -> str:
        return ascii_address(self.cleaned_data["email"])
