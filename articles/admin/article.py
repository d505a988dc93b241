from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.response import HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from articles.documents import build_document
from articles.models import (
    Article,
    Reference,
    Section,
)
from articles.objectives import banned_verb
from articles.pages import render_page
from articles.services import PublicationBlocked, publication_blocks, publish_article
from portal.accounts.models import User
from portal.core.http import private
from portal.core.rich_text_admin import RichTextAdminMixin

from .forms import PublishForm
from .inlines import ArticleAuthorInline, LearningObjectiveInline, ReferenceInline, SectionInline
from .reference_import import import_url


@admin.register(Article)
class ArticleAdmin(RichTextAdminMixin, admin.ModelAdmin[Article]):
    list_display = ["title", "status", "draft_state", "type", "first_published_at", "updated_at"]
    list_filter = ["status", "type", "topics", "is_demo"]
    search_fields = ["title", "summary", "article_authors__person__name"]
    date_hierarchy = "first_published_at"
    readonly_fields = ["status", "first_published_at", "updated_at"]
    filter_horizontal = ["topics", "supported_by"]
    prepopulated_fields = {"slug": ["title"]}
    fieldsets = [
        (None, {"fields": ["title", "slug", "type", "summary", "topics"]}),
        (None, {"fields": ["medically_reviewed_on", "supported_by", "is_demo"]}),
        (None, {"fields": [("status", "first_published_at", "updated_at")]}),
    ]
    inlines = [ArticleAuthorInline, LearningObjectiveInline, SectionInline, ReferenceInline]
    save_on_top = True

    class Media:
        css = {"all": ["css/article_form.css"]}
        js = [Script("js/section_kinds.js", type="module")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        return (
            super()
            .get_queryset(request)
            .annotate(version_published_at=F("published_version__published_at"))
        )

    @admin.display(description=gettext_lazy("draft"))
    def draft_state(self, article: Any) -> str:
        """Say whether the draft has something that readers do not see yet."""
        if article.version_published_at is None:
            return _("not published yet")
        return (
            _("changed since publication")
            if article.updated_at > article.version_published_at
            else _("as published")
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Article | None = None
    ) -> list[str] | tuple[str, ...]:
        """Keep the address of what readers have linked to."""
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, "slug"] if obj and obj.first_published_at else fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Article | None = None
    ) -> dict[str, Any]:
        return {} if obj and obj.first_published_at else self.prepopulated_fields

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        # Django offers no public place where one inline could learn of another.
        formsets, inlines = super()._create_formsets(request, obj, change)  # type: ignore[misc]
        by_model = {formset.model: formset for formset in formsets}
        if sections := by_model.get(Section):
            sections.references = by_model.get(Reference)
        return formsets, inlines

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for objective in form.instance.objectives.all():
            if verb := banned_verb(objective.text):
                self.message_user(
                    request,
                    _("“%(verb)s” cannot be measured, which blocks publishing: %(text)s")
                    % {"verb": verb, "text": objective.text},
                    messages.WARNING,
                )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            import_url(self),
            path(
                "<path:object_id>/publish/",
                wrap(self.publish_view),
                name="articles_article_publish",
            ),
            path(
                "<path:object_id>/preview/",
                wrap(self.preview_view),
                name="articles_article_preview",
            ),
            *super().get_urls(),
        ]

    def _article(self, request: HttpRequest, object_id: str) -> Article:
        article = self.get_object(request, unquote(object_id))
        if article is None:
            raise Http404
        return article

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Show the draft as it would look if it were published today."""
        article = self._article(request, object_id)
        if not self.has_view_permission(request, article):
            raise PermissionDenied
        page = render_page(article, build_document(article, timezone.localdate()))

        @private
        @require_safe
        def answer(request: HttpRequest) -> HttpResponse:
            return render(request, "articles/preview.html", {"page": page})

        response = answer(request)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    def publish_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what blocks publishing, or the button; POST publishes."""
        user = request.user
        if not (isinstance(user, User) and user.has_perm("articles.publish_article")):
            raise PermissionDenied
        article = self._article(request, object_id)
        latest = article.versions.first()
        form = PublishForm(request.POST or None, initial={"latest": latest.number if latest else 0})
        blocks = []
        if request.method == "POST" and form.is_valid():
            try:
                version = publish_article(
                    article=article,
                    user=user,
                    comment=form.cleaned_data["comment"],
                    after_version=form.cleaned_data["latest"],
                )
            except PublicationBlocked as error:
                blocks = error.blocks
            else:
                self.log_change(request, article, _("Published version %d.") % version.number)
                self.message_user(
                    request,
                    _("Version %(number)d of “%(title)s” is published.")
                    % {"number": version.number, "title": article.title},
                    messages.SUCCESS,
                )
                return HttpResponseRedirect(reverse("admin:articles_article_changelist"))
        return TemplateResponse(
            request,
            "admin/articles/article/publish.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Publish"),
                "subtitle": str(article),
                "opts": self.opts,
                "original": article,
                "latest": latest,
                "form": form,
                "blocks": blocks or publication_blocks(article),
            },
        )
