"""What staff decide about money and content; each decision stays on record."""

from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from articles.models import Article, Overruling, RelevanceAssessment
from articles.product_names import Hit, product_hits
from portal.accounts.models import User
from portal.people.models import FinancialRelationship


def assess_relationship(
    *,
    article: Article,
    relationship: FinancialRelationship,
    user: User | None,
    is_relevant: bool,
    reason: str,
    mitigation: str = "",
    mitigation_details: str = "",
    mitigated_on: date | None = None,
) -> RelevanceAssessment:
    """Record whether ``relationship`` matters to ``article``, and what was done about it.

    ``user``: None is the system (demo). Raises ``PermissionDenied``, also to whoever would judge
    money of their own, and ``ValidationError`` for a mitigation that is not whole.
    """
    person = relationship.disclosure.person
    if user is not None and (
        not user.has_perm("articles.add_relevanceassessment") or person.user_id == user.pk
    ):
        raise PermissionDenied
    assessment = RelevanceAssessment(
        article=article,
        person=person,
        company=relationship.company,
        nature=relationship.nature,
        is_relevant=is_relevant,
        reason=reason,
        mitigation=mitigation,
        mitigation_details=mitigation_details,
        mitigated_on=mitigated_on,
        assessed_by=user,
    )
    assessment.full_clean()
    assessment.save()
    return assessment


@transaction.atomic
def overrule(*, article: Article, hit: Hit, user: User | None, reason: str) -> Overruling:
    """Record why ``hit`` is no advertisement; again, the first reason stands.

    Raises ``PermissionDenied``, and ``ValueError`` for a hit that the article does not have.
    """
    if user is not None and not user.has_perm("articles.add_overruling"):
        raise PermissionDenied
    if not reason.strip():
        raise ValueError(_("An overruling has a reason."))
    if hit not in product_hits(article):
        raise ValueError(_("The article does not have this finding."))
    overruling, _created = Overruling.objects.get_or_create(
        article=article,
        rule=hit.rule,
        found=hit.found,
        defaults={"reason": reason.strip(), "overruled_by": user},
    )
    return overruling
