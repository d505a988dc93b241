from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from articles.models import Topic, topic_tree
from portal.core.addresses import ascii_address
from portal.core.content_cache import content_cached

from .streams import ARTICLE_UPDATES_WORDING

TopicChoices = list[tuple[str, list[tuple[int, str]]]]


@content_cached
def topic_choices() -> TopicChoices:
    """Return all topics as (name of a group, [(id, name)]) (0 queries once remembered).

    Each of the broadest topics makes a group with all that is narrower; those that have nothing
    narrower stand together in the last one, which has no name where it is the only one.
    """
    tree = topic_tree()
    families: dict[Topic, list[Topic]] = {}
    for topic in tree.topics.values():
        broadest = next(iter(tree.path(topic)), topic)
        families.setdefault(broadest, []).append(topic)
    groups: TopicChoices = []
    alone: list[tuple[int, str]] = []
    for broadest, family in sorted(families.items(), key=lambda item: item[0].name):
        if family == [broadest]:
            alone.append((broadest.pk, broadest.name))
            continue
        whole = (broadest.pk, gettext("%(topic)s: all of it") % {"topic": broadest.name})
        narrower = [(topic.pk, topic.name) for topic in family if topic != broadest]
        groups.append((broadest.name, [whole, *narrower]))
    if alone:
        groups.append((gettext("Other topics") if groups else "", alone))
    return groups


class TopicCheckboxes(forms.CheckboxSelectMultiple):
    template_name = "updates/_topic_checkboxes.html"


class TopicsForm(forms.Form):
    """Which topics to be told of; none means all."""

    topics = forms.TypedMultipleChoiceField(
        label=_("Topics"),
        help_text=_(
            "Choose none to hear of every new article. A topic brings all that is narrower."
        ),
        coerce=int,
        required=False,
        widget=TopicCheckboxes,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topics"].choices = topic_choices()  # type: ignore[attr-defined]


class SubscribeForm(TopicsForm):
    # Not an EmailField: our own check also knows which addresses every mail server takes.
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        error_messages={"required": _("Enter your e-mail address.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    consent = forms.BooleanField(
        label=ARTICLE_UPDATES_WORDING,
        error_messages={"required": _("Tick the box if you want to get these e-mails.")},
    )

    field_order = ["email", "topics", "consent"]

    def clean_email(self) -> str:
        return ascii_address(self.cleaned_data["email"])
