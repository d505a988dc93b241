"""The groups of people at the desk, with just the permissions that their work needs.

Permissions do not exist while migrations run on a fresh database, and a flush erases migration
data: so this runs after every ``migrate``, and again changes nothing.
"""

from typing import Any

from django.apps import AppConfig

ALL = ("view", "add", "change", "delete")
EDIT = ("view", "add", "change")
VIEW = ("view",)

# group → model label → actions; custom permissions stand under their own code names.
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "Editors": {
        "articles.article": EDIT,
        "articles.articleauthor": ALL,
        "articles.learningobjective": ALL,
        "articles.section": ALL,
        "articles.reference": ALL,
        "articles.abbreviation": ALL,
        "articles.articleversion": VIEW,
        "articles.previewlink": EDIT,
        "articles.overruling": ("view", "add"),
        "articles.relevanceassessment": ("view", "add"),
        "articles.topic": EDIT,
        "feedback.survey": VIEW,
        "feedback.surveyversion": VIEW,
        "feedback.articlesurvey": ALL,
        "people.person": EDIT,
        "people.disclosure": ("view", "add"),
        "people.disclosurerequest": ("view", "add"),
        "people.financialrelationship": ("view", "add"),
        "funders.funder": VIEW,
        "funders.formername": VIEW,
        "funders.tradename": VIEW,
        "funders.productsite": VIEW,
        "funders.agreement": VIEW,
        # What goes out, in words and numbers; no address.
        "mail.mailing": VIEW,
    },
    "Medical reviewers": {
        "articles.article": VIEW,
        "articles.articleauthor": VIEW,
        "articles.learningobjective": VIEW,
        "articles.section": VIEW,
        "articles.reference": VIEW,
        "articles.articleversion": VIEW,
        "articles.overruling": ("view", "add"),
        "articles.relevanceassessment": ("view", "add"),
        "independence.report": VIEW,
        "people.person": VIEW,
        "people.disclosure": VIEW,
        "people.financialrelationship": VIEW,
    },
    "Staff": {
        "articles.article": VIEW,
        "articles.articleversion": VIEW,
        "feedback.survey": EDIT,
        "feedback.surveyversion": ALL,
        "feedback.articlesurvey": ALL,
        "core.page": EDIT,
        "core.sitesettings": EDIT,
        "funders.funder": EDIT,
        "funders.formername": ALL,
        "funders.tradename": ALL,
        "funders.productsite": ALL,
        "funders.agreement": EDIT,
        "funders.supportlevel": EDIT,
        "independence.report": ("view", "add"),
        "mail.mailing": VIEW,
        "mail.delivery": VIEW,
        "mail.mailevent": VIEW,
        "mail.subscriber": VIEW,
        "mail.suppression": EDIT,
    },
    # Beside Staff: what only those should see who answer for it.
    "Staff leads": {"core.exportlog": VIEW},
}
CUSTOM: dict[str, tuple[str, ...]] = {
    "Editors": (
        "articles.submit_article",
        "articles.schedule_article",
        "articles.publish_article",
        "articles.withdraw_article",
        "articles.reinstate_article",
    ),
    "Medical reviewers": ("articles.return_article", "articles.approve_article"),
    "Staff": (
        "feedback.view_results",
        "feedback.view_comments",
        "feedback.hide_comments",
        "feedback.export_responses",
        "mail.manage_mailings",
    ),
    "Staff leads": ("feedback.export_comments",),
}


def make_groups(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Give each group its permissions, as far as they exist by now; idempotent."""
    from django.contrib.auth.models import Group, Permission

    if sender.label != "independence":
        # The last of our apps to be migrated: all permissions exist from then on.
        return
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).select_related("content_type")
    }
    for name, models in GROUPS.items():
        wanted = {
            f"{label.partition('.')[0]}.{action}_{label.partition('.')[2]}"
            for label, actions in models.items()
            for action in actions
        } | set(CUSTOM[name])
        group, _created = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set([permissions[code] for code in wanted if code in permissions])
