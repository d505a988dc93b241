"""One page for each verb: what it will do, or what keeps it from being done."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles import services
from articles.blocks import Block
from articles.documents import build_document
from articles.models import Article, Verb
from articles.services.transitions import PERMISSIONS, approval_blocks, is_possible
from portal.accounts.models import User

from .verb_forms import FORMS, VerbForm

if TYPE_CHECKING:
    from .article import ArticleAdmin

SERVICES: dict[Verb, Callable[..., Any]] = {
    Verb.SUBMIT: services.submit_for_review,
    Verb.RETURN: services.return_to_author,
    Verb.APPROVE: services.approve_article,
    Verb.SCHEDULE: services.schedule_article,
    Verb.UNSCHEDULE: services.unschedule,
    Verb.PUBLISH: services.publish_article,
    Verb.WITHDRAW: services.withdraw_article,
    Verb.REINSTATE: services.reinstate_article,
}
EXPLANATIONS = {
    Verb.SUBMIT: gettext_lazy("A medical reviewer then approves the article or returns it to you."),
    Verb.RETURN: gettext_lazy("The article becomes a draft again; say in the comment what to do."),
    Verb.APPROVE: gettext_lazy(
        "You approve the article exactly as it stands now: any later change needs a new approval."
    ),
    Verb.SCHEDULE: gettext_lazy(
        "The article comes out by itself at that time. Disclosures and funding are recorded as "
        "they are then; if something is missing by then, it stays approved and the desk says so."
    ),
    Verb.UNSCHEDULE: gettext_lazy("The article stays approved and does not come out by itself."),
    Verb.PUBLISH: gettext_lazy("Disclosures and funding are recorded as they are today."),
    Verb.WITHDRAW: gettext_lazy(
        "Readers no longer see the article. Its address shows the title, your reason and the date."
    ),
    Verb.REINSTATE: gettext_lazy(
        "The article becomes a draft again. Readers go on seeing the withdrawal until a new "
        "version has been approved and published."
    ),
}
# What is done with the content, so that what blocks publishing blocks it, too.
BLOCKED = {Verb.SUBMIT, Verb.APPROVE, Verb.SCHEDULE, Verb.PUBLISH}


def verb_urls(model_admin: "ArticleAdmin") -> list[URLPattern]:
    """Return an address for each verb: articles_article_submit and so on."""
    return [
        path(
            f"<path:object_id>/{verb.value}/",
            model_admin.admin_site.admin_view(partial(verb_view, model_admin, verb)),
            name=f"articles_article_{verb.value}",
        )
        for verb in SERVICES
    ]


def verb_links(article: Article, user: Any) -> list[dict[str, str]]:
    """Return a label and an address for each verb that ``user`` may use on ``article`` now."""
    return [
        {
            "label": str(verb.label),
            "url": reverse(f"admin:articles_article_{verb.value}", args=[article.pk]),
        }
        for verb in services.allowed_verbs(article, user)
    ]


def verb_view(
    model_admin: "ArticleAdmin", verb: Verb, request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show what the verb does, or what blocks it; POST does it."""
    user = request.user
    if not (isinstance(user, User) and user.has_perm(PERMISSIONS[verb])):
        raise PermissionDenied
    article = model_admin.find_article(request, object_id)
    latest = article.versions.first()
    form = FORMS.get(verb, VerbForm)(
        request.POST if request.method == "POST" else None,
        article=article,
        latest=latest.number if latest else 0,
    )
    blocks: list[Block] = []
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            SERVICES[verb](article=article, user=user, **form.cleaned_data)
        except services.PublicationBlocked as blocked:
            blocks = blocked.blocks
        except (services.IllegalTransition, services.ApprovalRefused) as error:
            problem = str(error)
        else:
            return _done(model_admin, verb, request, article)
    blocks = blocks or _blocks(article, verb)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": verb.label,
        "subtitle": str(article),
        "opts": model_admin.opts,
        "original": article,
        "verb": verb.value,
        "latest": latest,
        "form": form,
        "blocks": blocks,
        "problem": problem or _problem(article, verb, user),
        "explanation": EXPLANATIONS[verb],
        "button": _("Publish now") if verb == Verb.PUBLISH else verb.label,
    }
    return TemplateResponse(request, "admin/articles/article/verb.html", context)


def _blocks(article: Article, verb: Verb) -> list[Block]:
    if verb not in BLOCKED:
        return []
    if article.status in {Article.Status.APPROVED, Article.Status.SCHEDULED}:
        return approval_blocks(article, build_document(article, timezone.localdate()))
    return services.publication_blocks(article)


def _problem(article: Article, verb: Verb, user: User) -> str:
    if not is_possible(article, verb):
        return str(services.IllegalTransition(article, verb))
    return services.approver_objection(article, user) if verb == Verb.APPROVE else ""


def _done(
    model_admin: "ArticleAdmin", verb: Verb, request: HttpRequest, article: Article
) -> HttpResponse:
    if verb == Verb.PUBLISH and article.published_version is not None:
        number = article.published_version.number
        model_admin.log_change(request, article, _("Published version %d.") % number)
        said = _("Version %(number)d of “%(title)s” is published.") % {
            "number": number,
            "title": article.title,
        }
    else:
        model_admin.log_change(request, article, f"{verb.label}.")
        said = _("“%(title)s” is now “%(status)s”.") % {
            "title": article.title,
            "status": article.get_status_display(),
        }
    model_admin.message_user(request, said, messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:articles_article_change", args=[article.pk]))
