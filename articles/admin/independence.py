"""One page about money: relationships to assess, findings to overrule, and what was decided."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.competing_interests import Interest, interests, people_in_control
from articles.models import RelevanceAssessment
from articles.product_names import product_hits
from articles.services import assess_relationship, overrule
from portal.accounts.models import User

if TYPE_CHECKING:
    from .article import ArticleAdmin

PAGE = "articles_article_independence"
RELEVANT = "yes"


class AssessmentForm(forms.Form):
    """What staff decide about one relationship."""

    is_relevant = forms.ChoiceField(
        label=gettext_lazy("Is the company concerned by the article’s topic?"),
        error_messages={"required": gettext_lazy("Say whether the relationship is relevant.")},
        choices=[(RELEVANT, gettext_lazy("Yes, relevant")), ("no", gettext_lazy("No"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Say why the relationship is relevant or not.")},
    )
    mitigation = forms.ChoiceField(
        label=gettext_lazy("What was done about a relevant relationship"),
        choices=[("", gettext_lazy("Nothing yet")), *RelevanceAssessment.Mitigation.choices],
        required=False,
    )
    mitigation_details = forms.CharField(label=gettext_lazy("How"), max_length=500, required=False)
    mitigated_on = forms.DateField(
        label=gettext_lazy("On which day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("It counts only if this is before the person’s work began."),
    )

    def clean_is_relevant(self) -> bool:
        return bool(self.cleaned_data["is_relevant"] == RELEVANT)


class OverrulingForm(forms.Form):
    """Why a finding is none."""

    reason = forms.CharField(
        label=gettext_lazy("Why it may stay"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Stays on record, with your name."),
        error_messages={"required": gettext_lazy("Say why it may stay.")},
    )


def independence_view(
    model_admin: "ArticleAdmin", request: HttpRequest, object_id: str
) -> HttpResponse:
    """Show relationships and findings; POST assesses the one, or overrules the other, it names."""
    user = request.user
    article = model_admin.find_article(request, object_id)
    if not (isinstance(user, User) and model_admin.has_view_permission(request, article)):
        raise PermissionDenied
    found = interests(article, people_in_control(article))
    hits = list({(hit.rule, hit.found): hit for hit in product_hits(article)}.values())
    named = request.POST.get("about", "")
    decisions: dict[str, Callable[..., Any]] = {
        _name(one): partial(
            assess_relationship, article=article, user=user, relationship=one.relationship
        )
        for one in found
    }
    forms_by_name: dict[str, forms.Form] = {name: AssessmentForm(prefix=name) for name in decisions}
    for place, hit in enumerate(hits):
        decisions[f"hit-{place}"] = partial(overrule, article=article, user=user, hit=hit)
        forms_by_name[f"hit-{place}"] = OverrulingForm(prefix=f"hit-{place}")
    named = request.POST.get("about", "")
    is_about_nothing = request.method == "POST" and not named
    if request.method == "POST" and named:
        if named not in decisions:
            # Settled by somebody else in the meantime, or no name of this page.
            model_admin.message_user(request, _("This has been settled."), messages.WARNING)
            return redirect(f"admin:{PAGE}", article.pk)
        form = type(forms_by_name[named])(request.POST, prefix=named)
        forms_by_name[named] = form
        if form.is_valid():
            try:
                decisions[named](**form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                model_admin.log_change(request, article, _("Decided on independence."))
                model_admin.message_user(request, _("It is on record."), messages.SUCCESS)
                return redirect(f"admin:{PAGE}", article.pk)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Independence"),
        "subtitle": str(article),
        "opts": model_admin.opts,
        "original": article,
        "interests": [(one, _name(one), forms_by_name[_name(one)]) for one in found],
        "hits": [
            (hit, f"hit-{place}", forms_by_name[f"hit-{place}"]) for place, hit in enumerate(hits)
        ],
        "may_assess": user.has_perm("articles.add_relevanceassessment"),
        "may_overrule": user.has_perm("articles.add_overruling"),
        "assessments": article.relevance_assessments.select_related("person", "assessed_by"),
        "overrulings": article.overrulings.select_related("overruled_by"),
        "has_errors": is_about_nothing or any(form.errors for form in forms_by_name.values()),
    }
    status = HTTPStatus.BAD_REQUEST if is_about_nothing else HTTPStatus.OK
    return TemplateResponse(
        request, "admin/articles/article/independence.html", context, status=status
    )


def _name(interest: Interest) -> str:
    return f"relationship-{interest.relationship.pk}"
