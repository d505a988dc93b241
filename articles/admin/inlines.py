from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from articles.models import (
    Abbreviation,
    Article,
    ArticleAuthor,
    LearningObjective,
    Reference,
    Section,
)
from portal.core.inlines import TabularInline

from .forms import LearningObjectiveForm, SectionForm, SectionFormSet
from .reference_form import ReferenceForm


class ArticleAuthorInline(TabularInline[ArticleAuthor, Article]):
    model = ArticleAuthor
    extra = 0
    autocomplete_fields = ["person"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArticleAuthor]:
        return super().get_queryset(request).select_related("person")


class LearningObjectiveInline(TabularInline[LearningObjective, Article]):
    model = LearningObjective
    form = LearningObjectiveForm
    extra = 0


class SectionInline(admin.StackedInline[Section, Article]):
    model = Section
    form = SectionForm
    formset = SectionFormSet
    extra = 0
    readonly_fields = ["text"]
    fieldsets = [
        (None, {"fields": ["position", "kind", "heading", "body"]}),
        # The class is what js/section_kinds.js looks for.
        (
            gettext_lazy("Figure"),
            {
                "classes": ["figure-fields"],
                "fields": ["image", "alt", "is_decorative", "credit", "licence"],
            },
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Article | None = None) -> Any:
        """Show whoever may only look the text as it reads, not its tags."""
        article_admin = self.admin_site.get_model_admin(Article)
        if obj is None or article_admin.has_change_permission(request, obj):
            return self.fieldsets
        _fields, figure = self.fieldsets
        return [(None, {"fields": ["position", "kind", "heading", "text"]}), figure]

    @admin.display(description=gettext_lazy("text"))
    def text(self, section: Section) -> SafeString:
        body = mark_safe(section.body)  # noqa: S308 - the field sanitises whatever is saved
        return format_html('<div class="readonly-text">{}</div>', body)


class AbbreviationInline(TabularInline[Abbreviation, Article]):
    model = Abbreviation
    extra = 0


class ReferenceInline(admin.StackedInline[Reference, Article]):
    model = Reference
    form = ReferenceForm
    extra = 0
    fieldsets = [
        (None, {"fields": [("key", "type"), "authors", "title", "container_title"]}),
        (
            None,
            {
                "fields": [
                    ("year", "volume", "issue", "pages"),
                    ("doi", "pmid"),
                    ("url", "accessed"),
                ]
            },
        ),
        (None, {"fields": ["retraction", "news_seen"]}),
    ]
