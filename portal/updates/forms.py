from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from articles.models import Topic, topic_tree
from portal.core.addresses import ascii_address
from portal.core.content_cache import content_cached

from .choices import LONGEST_PAUSE, Manner, consent_streams, time_zone_names
from .models import UpdateFrequency
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


class TimeZoneSelect(forms.Widget):
    """All zones by region; the chosen one stands before them, too.

    Not a ``Select``, which renders each of 400 with a template of its own. ``is_guessed``: where a
    script may choose the browser's (static/js/time_zone.js).
    """

    template_name = "updates/_time_zone.html"
    is_guessed = False

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        return context | {
            "chosen": value if value in time_zone_names() else "",
            "zones": time_zone_options(),
            "site_zone": settings.TIME_ZONE,
            "is_guessed": self.is_guessed,
        }


@content_cached
def time_zone_options() -> SafeString:
    """Return the options of a ``select``, in groups of regions; without "US/Eastern" and the like.

    0 queries once remembered.
    """
    return format_html_join(
        "\n",
        '<optgroup label="{}">{}</optgroup>',
        (
            (region, format_html_join("\n", '<option value="{}">{}</option>', zones))
            for region, zones in time_zone_regions()
        ),
    )


def time_zone_regions() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (name of a region, [(name of a zone, place)]), both by name."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(time_zone_names()):
        region, _slash, place = name.partition("/")
        if place and region in REGIONS:
            regions.setdefault(str(REGIONS[region]), []).append((name, place.replace("_", " ")))
    return sorted(regions.items())


REGIONS = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific"),
}


class MannerForm(TopicsForm):
    """Topics, and how often, in which language and by which clock."""

    frequency = forms.ChoiceField(
        label=_("How often?"),
        choices=UpdateFrequency.Frequency.choices,
        initial=UpdateFrequency.Frequency.AT_ONCE,
        required=False,
        widget=forms.RadioSelect,
    )
    weekday = forms.TypedChoiceField(
        label=_("On which day?"),
        choices=UpdateFrequency.Weekday.choices,
        initial=UpdateFrequency.Weekday.MONDAY,
        empty_value=UpdateFrequency.Weekday.MONDAY,  # type: ignore[arg-type]
        coerce=int,
        required=False,
    )
    language = forms.ChoiceField(label=_("Language of the e-mails"), required=False)
    time_zone = forms.CharField(
        label=_("Time zone"),
        help_text=_("Daily and weekly e-mails follow the clock of this place."),
        max_length=50,
        required=False,
        widget=TimeZoneSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(settings.LANGUAGES) > 1:
            self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]
        else:
            del self.fields["language"]

    def clean_frequency(self) -> str:
        return self.cleaned_data["frequency"] or UpdateFrequency.Frequency.AT_ONCE

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and name not in time_zone_names():
            raise ValidationError(_("Choose a time zone from the list."), code="invalid")
        return name

    def manner(self) -> Manner:
        """Return what was chosen; the form must be valid."""
        names = ("frequency", "weekday", "language", "time_zone")
        return Manner(**{name: self.cleaned_data.get(name, "") for name in names})


class SubscribeForm(MannerForm):
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

    field_order = ["email", "topics", "frequency", "weekday", "language", "time_zone", "consent"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What somebody has chosen and got wrong is not guessed over.
        self.fields["time_zone"].widget.is_guessed = not self.is_bound

    def clean_email(self) -> str:
        return ascii_address(self.cleaned_data["email"])


class PreferencesForm(MannerForm):
    """All that a subscriber may choose; ``today``: theirs."""

    streams = forms.MultipleChoiceField(
        label=_("E-mails"), required=False, widget=forms.CheckboxSelectMultiple
    )
    # What was ticked when the page was made: a page left open brings nobody back.
    shown = forms.MultipleChoiceField(required=False, widget=forms.MultipleHiddenInput)
    paused_until = forms.DateField(
        label=_("No e-mails before"),
        required=False,
        error_messages={"invalid": _("Enter a day of the calendar.")},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    field_order = ["streams", "topics", "frequency", "weekday", "language", "time_zone"]

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        for name in ("streams", "shown"):
            self.fields[name].choices = [  # type: ignore[attr-defined]
                (stream.key, stream.wording or stream.name) for stream in consent_streams()
            ]

    def clean(self) -> dict[str, Any]:
        """Put the days of the button that was pressed in the place of the day that stands there."""
        button = self.data.get("pause", "")
        if button == "stop":
            self.errors.pop("paused_until", None)
            self.cleaned_data["paused_until"] = None
        elif button in PAUSES:
            self.errors.pop("paused_until", None)
            self.cleaned_data["paused_until"] = self.today + timedelta(weeks=int(button))
        elif "paused_until" in self.cleaned_data:
            self._check_day(self.cleaned_data["paused_until"], is_asked=button == "day")
        return self.cleaned_data

    def _check_day(self, day: date | None, *, is_asked: bool) -> None:
        if day is None and is_asked:
            self.add_error("paused_until", _("Choose the day on which the e-mails begin again."))
        elif day is not None and not self.today < day <= self.today + LONGEST_PAUSE:
            self.add_error("paused_until", _("Choose a day after today, within one year."))


# Buttons: for so many weeks.
PAUSES = ("1", "2", "4")
