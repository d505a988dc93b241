"""The forms of an article's rows, and what one must know of the other."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.forms import BaseInlineFormSet
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from articles.citations import citation_errors
from articles.models import Article, LearningObjective, Reference, Section
from articles.objectives import proposed_level
from articles.tables import table_problem
from portal.core.rich_text import sanitize_rich_text


class ArticleForm(forms.ModelForm[Article]):
    """Refuses to save over a change that its editor has not seen."""

    # Whether somebody else has saved since this form was opened.
    conflict = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        article = self.instance
        # The two are the template's: fields would have to be among the admin's fieldsets.
        known = {self.data.get("revision"), self.data.get("replace_revision")}
        if article.pk and str(article.revision) not in known:
            self.conflict = True
            self.add_error(None, self._conflict_message())
        return data

    def _conflict_message(self) -> str:
        article = self.instance
        time = timezone.localtime(article.updated_at)
        return _(
            "%(name)s has changed this article since you opened it, on %(day)s at %(time)s. "
            "Nothing of yours is lost: it stands below, not saved yet."
        ) % {
            "name": str(article.edited_by) if article.edited_by else gettext("Somebody"),
            "day": formats.date_format(time, "j F Y"),
            "time": formats.date_format(time, "H:i"),
        }


class LearningObjectiveForm(forms.ModelForm[LearningObjective]):
    """An empty level follows from the verb, also when the verb has changed since."""

    class Meta:
        model = LearningObjective
        fields = ["position", "text", "bloom_level"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "text" in data and not data.get("bloom_level"):
            data["bloom_level"] = proposed_level(data["text"])
        return data


class FigureInput(AdminFileWidget):
    """Shows the image that is there, not only its generated name."""

    template_name = "admin/widgets/figure_input.html"


class SectionForm(forms.ModelForm[Section]):
    class Meta:
        model = Section
        fields = [
            *("position", "kind", "heading", "body"),
            *("image", "alt", "is_decorative", "credit", "licence"),
        ]
        widgets = {"image": FigureInput, "alt": forms.Textarea(attrs={"rows": 3})}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        # A refused image has its own error, and is no missing one.
        if "image" not in self.errors and "kind" in data:
            self._check_figure(data)
        if data.get("kind") == Section.Kind.TABLE:
            self._check_table(data)
        return data

    def _check_table(self, data: dict[str, Any]) -> None:
        if "heading" in data and not data["heading"].strip():
            self.add_error("heading", _("A table has a caption: write it as the heading."))
        if "body" in data and (problem := table_problem(sanitize_rich_text(data["body"]))):
            self.add_error("body", problem)

    def _check_figure(self, data: dict[str, Any]) -> None:
        """Say at its field what the database's constraint would say of the whole."""
        if data["kind"] != Section.Kind.FIGURE:
            if data.get("image"):
                self.add_error("image", _("Only a section of the kind “figure” has an image."))
            return
        if not data.get("image"):
            self.add_error("image", _("A figure needs an image."))
        if not data.get("alt") and not data.get("is_decorative"):
            self.add_error("alt", _("Describe what the figure shows, or mark it as decorative."))
        if data.get("alt") and data.get("is_decorative"):
            self.add_error(
                "is_decorative", _("A decorative figure has no description: delete one of the two.")
            )


class SectionFormSet(BaseInlineFormSet[Section, Article, forms.ModelForm[Section]]):
    """Checks the citations of each section against the references of the same form."""

    # Given by the admin, because the references may be new in this very form.
    references: "BaseInlineFormSet[Reference, Article, Any] | None" = None

    def clean(self) -> None:
        super().clean()
        if self.references is None:
            return
        known = _keys(self.references)
        for form in self.forms:
            data = getattr(form, "cleaned_data", {})
            if data.get("DELETE") or "body" not in data:
                continue
            for error in citation_errors(sanitize_rich_text(data["body"]), known):
                form.add_error("body", error)


def _keys(references: "BaseInlineFormSet[Reference, Article, Any]") -> set[str]:
    """Return the keys that the article has once ``references`` is saved."""
    references.is_valid()
    return {
        data["key"]
        for form in references.forms
        if (data := getattr(form, "cleaned_data", {})).get("key") and not data.get("DELETE")
    }
