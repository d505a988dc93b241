"""Preview links of an article: who got one, making and revoking them."""

from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.services import make_preview_link, revoke_preview_link
from portal.accounts.models import User

if TYPE_CHECKING:
    from .article import ArticleAdmin


class PreviewLinkForm(forms.Form):
    note = forms.CharField(label=gettext_lazy("For whom"), max_length=200, required=False)
    days = forms.IntegerField(
        label=gettext_lazy("Days until it expires"), min_value=1, max_value=30, initial=7
    )


def preview_links_view(
    model_admin: "ArticleAdmin", request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show the article's links; POST makes one, or revokes the one that ``revoke`` names."""
    user = request.user
    if not (isinstance(user, User) and user.has_perm("articles.add_previewlink")):
        raise PermissionDenied
    article = model_admin.find_article(request, object_id)
    revoked = request.POST.get("revoke", "")
    if revoked:
        pk = int(revoked) if revoked.isdecimal() and len(revoked) < 18 else 0  # noqa: PLR2004
        link = get_object_or_404(article.preview_links, pk=pk)
        revoke_preview_link(link=link, user=user)
        model_admin.log_change(request, article, _("Revoked a preview link."))
        model_admin.message_user(request, _("The link no longer works."), messages.SUCCESS)
        return redirect("admin:articles_article_preview_links", article.pk)
    form = PreviewLinkForm(request.POST if request.method == "POST" else None)
    address = ""
    if request.method == "POST" and form.is_valid():
        token = make_preview_link(article=article, user=user, **form.cleaned_data)
        address = f"{settings.SITE_URL}{reverse('article_preview', args=[token])}"
        model_admin.log_change(request, article, _("Made a preview link."))
        form = PreviewLinkForm()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Guest links"),
        "subtitle": str(article),
        "opts": model_admin.opts,
        "original": article,
        "form": form,
        "address": address,
        "links": article.preview_links.select_related("created_by"),
    }
    return TemplateResponse(request, "admin/articles/article/preview_links.html", context)
