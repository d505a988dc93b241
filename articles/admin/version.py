from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from articles.comparison import document_texts
from articles.models import ArticleVersion


@admin.register(ArticleVersion)
class ArticleVersionAdmin(admin.ModelAdmin[ArticleVersion]):
    """Versions are read, never written: the database refuses it, too."""

    list_display = ["title", "number", "published_at", "published_by", "comment"]
    date_hierarchy = "published_at"
    search_fields = ["article__title"]
    readonly_fields = ["in_words"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("article", "number", "published_at", "published_by", "comment"),
                    "in_words",
                ]
            },
        ),
        (gettext_lazy("As it is stored"), {"classes": ["collapse"], "fields": ["document"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArticleVersion]:
        return super().get_queryset(request).select_related("article", "published_by")

    @admin.display(description=gettext_lazy("title"))
    def title(self, version: ArticleVersion) -> str:
        return str(version.document["title"])

    @admin.display(description=gettext_lazy("what readers saw"))
    def in_words(self, version: ArticleVersion) -> SafeString:
        texts = document_texts(version.document)
        return format_html_join(
            "",
            '<div class="version-part"><strong>{}</strong><p>{}</p></div>',
            ((label, text) for label, text in texts.items() if text),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: ArticleVersion | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: ArticleVersion | None = None
    ) -> bool:
        return False
