from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, ManyToManyField, QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from articles.desk_links import article_links
from articles.documents import build_document
from articles.drafts import draft_warnings
from articles.models import (
    Article,
    Reference,
    Section,
)
from articles.pages import render_page
from articles.presence import note_leaving, note_opening
from articles.services import publication_blocks, record_edit
from portal.accounts.models import User
from portal.core.http import private
from portal.core.rich_text_admin import RichTextAdminMixin

from .compare import compare_view
from .forms import ArticleForm
from .independence import PAGE, independence_view
from .inlines import (
    AbbreviationInline,
    ArticleAuthorInline,
    LearningObjectiveInline,
    ReferenceInline,
    SectionInline,
)
from .preview_links import preview_links_view
from .reference_import import import_url
from .verbs import verb_links, verb_urls

STEPS_SHOWN = 5
# Of one kind in one article: more than anybody writes, references of a long review included.
MAX_ROWS = 500


@admin.register(Article)
class ArticleAdmin(RichTextAdminMixin, admin.ModelAdmin[Article]):
    form = ArticleForm
    list_display = [
        "title",
        "status",
        "seen_by_readers",
        "type",
        "first_published_at",
        "updated_at",
    ]
    list_filter = ["status", "type", "topics", "next_review_due_on", "is_demo"]
    search_fields = ["title", "summary", "article_authors__person__name"]
    date_hierarchy = "first_published_at"
    readonly_fields = ["status", "first_published_at", "updated_at"]
    filter_horizontal = ["topics"]
    prepopulated_fields = {"slug": ["title"]}
    fieldsets = [
        (None, {"fields": ["title", "slug", "type", "summary", "topics"]}),
        (
            None,
            {
                "fields": [
                    *("intended_audience", ("medically_reviewed_on", "next_review_due_on")),
                    *("ai_statement", "supported_by", "is_demo"),
                ]
            },
        ),
        (None, {"fields": [("status", "first_published_at", "updated_at")]}),
    ]
    inlines = [
        ArticleAuthorInline,
        LearningObjectiveInline,
        SectionInline,
        AbbreviationInline,
        ReferenceInline,
    ]
    save_on_top = True

    class Media:
        css = {"all": ["css/article_form.css"]}
        js = [Script("js/section_kinds.js", type="module")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        return super().get_queryset(request).annotate(version_number=F("published_version__number"))

    @admin.display(description=gettext_lazy("readers see"))
    def seen_by_readers(self, article: Any) -> str:
        if article.withdrawn_at is not None:
            return _("its withdrawal")
        return _("version %d") % article.version_number if article.version_number else _("nothing")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Article | None:
        """Lock what a form is about to change: a verb must not happen between here and its save."""
        article = super().get_object(request, object_id, from_field)
        if article and request.method == "POST" and transaction.get_connection().in_atomic_block:
            self.get_queryset(request).select_for_update(of=("self",)).get(pk=article.pk)
            article.refresh_from_db()
        return article

    def has_change_permission(self, request: HttpRequest, obj: Article | None = None) -> bool:
        """Whoever takes a withdrawn article up again says so first."""
        is_withdrawn = obj is not None and obj.status == Article.Status.WITHDRAWN
        return not is_withdrawn and super().has_change_permission(request, obj)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "supported_by":
            # "Available supported by" would be what Django makes of the field's own name.
            kwargs["widget"] = FilteredSelectMultiple(_("agreements"), is_stacked=False)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Article | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj and obj.first_published_at:
            kwargs["help_texts"] = {
                "slug": _(
                    "Readers have linked to this address. It will lead to a new one for ever, and "
                    "no other article can have it."
                )
            }
        return super().get_form(request, obj, change, **kwargs)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Article | None = None
    ) -> dict[str, Any]:
        return {} if obj and obj.first_published_at else self.prepopulated_fields

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        # Django offers no public place where one inline could learn of another.
        formsets, inlines = super()._create_formsets(request, obj, change)  # type: ignore[misc]
        for formset in formsets:
            # Each row costs time before anybody can say that there are too many.
            formset.absolute_max = MAX_ROWS
        by_model = {formset.model: formset for formset in formsets}
        if sections := by_model.get(Section):
            sections.references = by_model.get(Reference)
        return formsets, inlines

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        is_changed = form.has_changed() or any(formset.has_changed() for formset in formsets)
        if isinstance(request.user, User) and (is_changed or not change):
            record_edit(article=form.instance, user=request.user)
        for warning in draft_warnings(form.instance):
            self.message_user(request, warning, messages.WARNING)
        if change and "slug" in form.changed_data and form.instance.first_published_at:
            self.message_user(
                request,
                _("The address has changed: “%(old)s” leads to “%(new)s” from now on.")
                % {"old": form.initial["slug"], "new": form.instance.slug},
                messages.WARNING,
            )

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        article: Article | None = kwargs.get("obj")
        if article is not None:
            context |= {
                "blocks": publication_blocks(article),
                "verbs": verb_links(article, request.user),
                "steps": article.transitions.select_related("user")[:STEPS_SHOWN],
                # What was posted stays, so that a conflict is no secret after another error.
                "seen_revision": request.POST.get("revision", article.revision),
                "links": article_links(request, article),
                "conflict": getattr(context["adminform"].form, "conflict", False),
            }
            if request.method == "GET" and self.has_change_permission(request, article):
                self._warn_of_others(request, article)
        return super().render_change_form(request, context, *args, **kwargs)

    def _warn_of_others(self, request: HttpRequest, article: Article) -> None:
        if isinstance(request.user, User) and (others := note_opening(article, request.user)):
            self.message_user(
                request,
                _(
                    "%(names)s opened this article in the last minutes. Whoever saves second is "
                    "shown what the first has changed."
                )
                % {"names": ", ".join(others)},
                messages.WARNING,
            )

    def response_change(self, request: HttpRequest, obj: Article) -> HttpResponse:
        if isinstance(request.user, User) and "_continue" not in request.POST:
            note_leaving(obj, request.user)
        return super().response_change(request, obj)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            *verb_urls(self),
            import_url(self),
            path(
                "<path:object_id>/preview/",
                wrap(self.preview_view),
                name="articles_article_preview",
            ),
            path(
                "<path:object_id>/preview-links/",
                wrap(partial(preview_links_view, self)),
                name="articles_article_preview_links",
            ),
            path(
                "<path:object_id>/independence/",
                wrap(partial(independence_view, self)),
                name=PAGE,
            ),
            path(
                "<path:object_id>/compare/",
                wrap(partial(compare_view, self)),
                name="articles_article_compare",
            ),
            *super().get_urls(),
        ]

    def find_article(self, request: HttpRequest, object_id: str) -> Article:
        """Return the article of an address; 404 where there is none."""
        article = super().get_object(request, unquote(object_id))
        if article is None:
            raise Http404
        return article

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Show the draft as it would look if it were published today."""
        article = self.find_article(request, object_id)
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
