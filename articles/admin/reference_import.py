"""Importing references into a draft: paste or upload, look at what was read, confirm.

Between looking and confirming nothing is stored: what was read travels in the page, signed.
"""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from articles.models import Article
from articles.reference_import.reading import UnreadableInput, decode, read_references
from articles.reference_import.records import Problem, Reading, Record
from articles.reference_import.services import (
    MAX_REFERENCES,
    import_references,
    prepare_import,
)
from portal.accounts.models import User

SALT = "articles.reference-import"
# How long an editor may look at what was read before confirming it, in seconds.
CONFIRM_SECONDS = 24 * 3600
MAX_CHARACTERS = 1_000_000
MAX_FILE_BYTES = 5 * 1024 * 1024
# Django takes fields of 2.5 MB in all, and what was read comes back as one.
MAX_SIGNED_CHARACTERS = 2_000_000


class ReadForm(forms.Form):
    """What to read: pasted, or a file. ``cleaned_data["reading"]`` is what it says."""

    text = forms.CharField(
        label=gettext_lazy("DOIs, PMIDs, or the text of a file"),
        required=False,
        max_length=MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy("DOIs and PMIDs one a line, at most 50 at once."),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        help_text=gettext_lazy(
            "RIS from a reference manager, or PubMed’s own format (.nbib); "
            "at most 1,000 references."
        ),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        text, file = data.get("text") or "", data.get("file")
        if bool(text.strip()) == bool(file):
            raise forms.ValidationError(
                _("Paste something or choose a file.")
                if not file
                else _("Paste something or choose a file, not both.")
            )
        if file and file.size > MAX_FILE_BYTES:
            self.add_error("file", _("The file is larger than 5 MB. Export fewer references."))
            return data
        try:
            data["reading"] = read_references(decode(file.read()) if file else text)
        except UnreadableInput as error:
            self.add_error("file" if file else "text", str(error))
        return data


def import_url(model_admin: "admin.ModelAdmin[Article]") -> URLPattern:
    """Return the address of the import, for ``ModelAdmin.get_urls``."""

    def view(request: HttpRequest, object_id: str) -> HttpResponse:
        return import_view(model_admin, request, object_id)

    return path(
        "<path:object_id>/references/import/",
        model_admin.admin_site.admin_view(view),
        name="articles_article_import_references",
    )


def import_view(
    model_admin: "admin.ModelAdmin[Article]", request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show the form; POST reads, or with ``signed`` stores what was chosen of what was read."""
    article = model_admin.get_object(request, unquote(object_id))
    if article is None:
        raise Http404
    user = request.user
    if not (isinstance(user, User) and model_admin.has_change_permission(request, article)):
        raise PermissionDenied
    if article.status == Article.Status.WITHDRAWN:
        raise PermissionDenied
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _("Import references"),
        "subtitle": str(article),
        "opts": model_admin.opts,
        "original": article,
        "form": ReadForm(),
    }
    status = 200
    if "signed" in request.POST:
        reading = _unsign(article, request.POST["signed"])
        problem = _confirm(model_admin, request, article, user, reading)
        if not problem:
            return HttpResponseRedirect(_form_of(article) + "#references-group")
        model_admin.message_user(request, problem, messages.ERROR)
        context |= _preview(article, reading) if reading else {}
        status = 400
    elif request.method == "POST":
        form = context["form"] = ReadForm(request.POST, request.FILES)
        if form.is_valid():
            context |= _preview(article, form.cleaned_data["reading"])
            if len(context["signed"]) > MAX_SIGNED_CHARACTERS:
                form.add_error(None, _("This is too much for one import. Export fewer references."))
                del context["signed"]
        status = 400 if form.errors else 200
    return TemplateResponse(
        request, "admin/articles/article/import_references.html", context, status=status
    )


def _form_of(article: Article) -> str:
    return reverse("admin:articles_article_change", args=[article.pk])


def _preview(article: Article, reading: Reading) -> dict[str, Any]:
    candidates = prepare_import(article, reading.records)
    return {
        "candidates": candidates,
        "problems": reading.problems,
        "signed": signing.dumps(asdict(reading), salt=f"{SALT}.{article.pk}", compress=True),
        "new": sum(not candidate.duplicate for candidate in candidates),
    }


def _unsign(article: Article, signed: str) -> Reading | None:
    """Return what the page was made of, or None if it is too old, forged, or another article's."""
    try:
        data = signing.loads(signed, salt=f"{SALT}.{article.pk}", max_age=CONFIRM_SECONDS)
    except signing.BadSignature:
        return None
    return Reading(
        records=[Record(**record) for record in data["records"]],
        problems=[Problem(**problem) for problem in data["problems"]],
    )


def _confirm(
    model_admin: "admin.ModelAdmin[Article]",
    request: HttpRequest,
    article: Article,
    user: User,
    reading: Reading | None,
) -> str:
    """Store what was chosen and say so; return what is wrong instead, if anything is."""
    if reading is None:
        return _("The list has expired. Nothing was imported; please read the references again.")
    chosen = set(request.POST.getlist("pick"))
    picked = [record.csl for number, record in enumerate(reading.records) if str(number) in chosen]
    if not picked:
        return _("No reference was chosen. Nothing was imported.")
    try:
        new, there = import_references(article=article, user=user, sources=picked)
    except ValueError:
        return (
            _("An article has at most %d references. Nothing was imported: choose fewer.")
            % MAX_REFERENCES
        )
    if new:
        keys = ", ".join(reference.key for reference in new)
        model_admin.log_change(request, article, _("Imported the references %s.") % keys)
        said = ngettext("%d reference is imported.", "%d references are imported.", len(new))
        model_admin.message_user(request, said % len(new), messages.SUCCESS)
    if there:
        said = ngettext(
            "%d reference was there already.", "%d references were there already.", there
        )
        model_admin.message_user(request, said % there, messages.INFO)
    return ""
