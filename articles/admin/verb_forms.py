"""The forms of the verbs' pages: each gives its service just the arguments that it wants."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models import Article, ArticleVersion, Verb

Kind = ArticleVersion.Kind


class VerbForm(forms.Form):
    """A comment for whoever comes next."""

    comment = forms.CharField(
        label=_("Comment"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For the desk: readers do not see it."),
    )

    def __init__(self, data: Any, *, article: Article, latest: int) -> None:
        super().__init__(data)


class ApproveForm(VerbForm):
    """Also holds the revision that the reviewer looks at."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, data: Any, *, article: Article, latest: int) -> None:
        super().__init__(data, article=article, latest=latest)
        self.fields["revision"].initial = article.revision


class VersionForm(VerbForm):
    """What the next version is to readers; the first one is just the first."""

    kind = forms.ChoiceField(
        label=_("What this version is"),
        choices=[(Kind.UPDATE, Kind.UPDATE.label), (Kind.CORRECTION, Kind.CORRECTION.label)],
        initial=Kind.UPDATE,
        required=False,
        widget=forms.RadioSelect,
    )
    notice = forms.CharField(
        label=_("Notice of the correction"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Public: stands above the article, with the date. What was wrong?"),
    )
    field_order = ["scheduled_for", "kind", "notice", "comment"]

    def __init__(self, data: Any, *, article: Article, latest: int) -> None:
        super().__init__(data, article=article, latest=latest)
        if latest == 0:
            del self.fields["kind"], self.fields["notice"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "kind" in self.errors or "notice" in self.errors:
            return data
        is_correction = data.get("kind") == Kind.CORRECTION
        if is_correction and not data.get("notice"):
            self.add_error("notice", _("Tell readers what was wrong."))
        if not is_correction and data.get("notice"):
            self.add_error("kind", _("Only a correction has a notice."))
        return data


class PublishForm(VersionForm):
    """Also holds the number of the version that was there when the page was shown."""

    latest = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, data: Any, *, article: Article, latest: int) -> None:
        super().__init__(data, article=article, latest=latest)
        self.fields["latest"].initial = latest

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if "latest" in data:
            data["after_version"] = data.pop("latest")
        return data


class ScheduleForm(VersionForm):
    scheduled_for = forms.DateTimeField(
        label=_("Publish at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, data: Any, *, article: Article, latest: int) -> None:
        super().__init__(data, article=article, latest=latest)
        self.fields["scheduled_for"].help_text = _("In the site’s time zone, %(zone)s.") % {
            "zone": timezone.get_current_timezone_name()
        }

    def clean_scheduled_for(self) -> Any:
        time = self.cleaned_data["scheduled_for"]
        if time <= timezone.now():
            raise forms.ValidationError(_("This time has passed."))
        return time


class WithdrawForm(VerbForm):
    reason = forms.CharField(
        label=_("Reason for the withdrawal"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Public: readers see it in place of the article, with the title and the date."),
    )
    field_order = ["reason", "comment"]


FORMS: dict[Verb, type[VerbForm]] = {
    Verb.APPROVE: ApproveForm,
    Verb.PUBLISH: PublishForm,
    Verb.SCHEDULE: ScheduleForm,
    Verb.WITHDRAW: WithdrawForm,
}
