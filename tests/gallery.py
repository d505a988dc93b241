"""Every kind of page of the portal, as the demo shows it.

The screenshots (``python -m tests.screenshots``) and the tests of every page
(``tests/journeys/test_every_page.py``) walk the same list (``tests/tour.py``): a page that is shown
is checked.
"""

import uuid
from dataclasses import dataclass
from datetime import date
from io import StringIO

from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from articles.models import Article, Topic
from articles.services import (
    approve_article,
    make_preview_link,
    publish_article,
    submit_for_review,
    withdraw_article,
)
from feedback.models import NOT_APPLICABLE, ArticleSurvey
from portal.accounts.models import User
from portal.attestation.models import current_statement
from portal.core.content_cache import memory
from portal.core.models import Page as PlainPage
from portal.demo.users import ADMIN, EDITOR, LEAD, REVIEWER, STAFF
from portal.funders.models import Agreement, Funder
from portal.independence.audit import audit_memberships
from portal.independence.models import Report
from portal.independence.report import SCHEMA, report_facts, report_sha256
from portal.mail.models import Mailing, Subscriber
from portal.people.models import Person
from portal.updates.announcements import announce_article
from portal.updates.services import confirm_subscription
from tests.declaration_places import declaration_places
from tests.export_places import export_places
from tests.feedback.builders import publish_survey
from tests.mail_places import mail_places
from tests.mailing_places import mailing_places
from tests.places import (
    DESK_EDITOR,
    DESK_LEAD,
    DESK_REVIEWER,
    DESK_STAFF,
    MEMBER,
    READER,
    RESPONDER,
    VISITORS,
    Place,
)
from tests.result_places import result_places
from tests.survey_places import survey_places
from tests.update_places import update_places

ARTICLE = "late-failure-after-car-t-cell-therapy"
FEW_RESPONSES = "number-needed-to-treat"  # fewer than may be shown, but more than none
WITHDRAWN = "agreement-scales-in-evaluation"
CORRECTED = "number-needed-to-treat"
IN_REVIEW = "confidence-interval"
OTHER_SURVEY = "kaplan-meier-curve"  # its figure is shown, too


@dataclass(frozen=True, slots=True)
class Gallery:
    """All places, and for each kind of visitor the cookies that let them in."""

    places: list[Place]
    cookies: dict[str, dict[str, str]]


def load_gallery() -> Gallery:
    """Load the demo and what it lacks (mails, a subscriber), and let the visitors in."""
    places = _load_places()
    # What was remembered less than a second ago may be of before: an article's survey.
    memory.forget()
    return Gallery(places, {visitor: _let_in(visitor) for visitor in VISITORS})


def _load_places() -> list[Place]:
    call_command("load_demo", stdout=StringIO())
    article = Article.objects.get(slug=ARTICLE)
    _work_on_articles()
    _choose_another_survey()
    subscriber, waiting = _subscribers()
    # The demo was announced before anybody had subscribed.
    Mailing.objects.all().delete()
    (mailing,) = announce_article(article=article, version=article.versions.get())
    return [
        *_public_places(article),
        *update_places(subscriber, waiting),
        *declaration_places(),
        *_reader_places(),
        *_account_places(),
        *_error_places(),
        *_editor_places(article),
        *_staff_places(mailing),
        *survey_places(article),
        *mail_places(
            mailing,
            subscriber,
            corrected=Article.objects.get(slug=CORRECTED),
            withdrawn=Article.objects.get(slug=WITHDRAWN),
        ),
    ]


def _work_on_articles() -> None:
    """Have one article corrected, one withdrawn and one in review."""
    corrected = Article.objects.get(slug=CORRECTED)
    submit_for_review(article=corrected, user=None)
    approve_article(article=corrected, user=None, comment="Agreed.")
    publish_article(
        article=corrected,
        user=None,
        kind="correction",
        notice="This notice shows how a correction looks; nothing else has changed.",
    )
    withdraw_article(
        article=Article.objects.get(slug=WITHDRAWN),
        user=None,
        reason="The authors asked for it: it is being written anew.",
    )
    submit_for_review(
        article=Article.objects.get(slug=IN_REVIEW),
        user=User.objects.get(email=EDITOR.email),
        comment="The example is new.",
    )


def _choose_another_survey() -> None:
    """Have one article ask all that a survey can ask."""
    version = publish_survey(
        "teaching",
        ["I can use what I learnt in my work", "The article kept what its objectives promise"],
        labels=["Not at all", "A little", "Partly", "Mostly", "Entirely"],
        comment_question="What should we change in this article?",
        not_applicable=[1],
        speaks_of_objectives=2,
    )
    article = Article.objects.get(slug=OTHER_SURVEY)
    ArticleSurvey.objects.create(article=article, survey=version.survey)


def _subscribers() -> tuple[Subscriber, Subscriber]:
    subscriber = Subscriber.objects.create(
        public_id=uuid.UUID(int=1), email="a.reader@hospital.example"
    )
    chosen = Topic.objects.order_by("name")[:2]
    confirm_subscription(subscriber=subscriber, topic_ids=[topic.pk for topic in chosen])
    for number in range(2, 9):
        another = Subscriber.objects.create(
            public_id=uuid.UUID(int=number), email=f"reader{number}@hospital.example"
        )
        confirm_subscription(subscriber=another, topic_ids=[])
    waiting = Subscriber.objects.create(
        public_id=uuid.UUID(int=9), email="b.reader@hospital.example"
    )
    return subscriber, waiting


def _public_places(article: Article) -> list[Place]:
    topic = article.topics.order_by("pk").first()
    empty = Topic.objects.create(name="Supportive care", slug="supportive-care")
    assert topic is not None
    return [
        Place("home", reverse("home")),
        Place("articles", reverse("article_list")),
        Place("topic", topic.get_absolute_url()),
        Place("topic-broad", reverse("topic", args=["reading-evidence"])),
        Place("topic-empty", empty.get_absolute_url()),
        Place("author", reverse("author", args=["clara-placeholder"])),
        Place("teaser", article.get_absolute_url()),
        Place("article-disclosures", reverse("article_disclosures", args=[CORRECTED])),
        Place("gate", f"{reverse('gate')}?next={article.get_absolute_url()}"),
        Place("gate-error", reverse("gate"), press="Continue"),
        Place("patients", reverse("not_a_professional")),
        Place("funders", reverse("funder_list")),
        Place("funders-changes", reverse("funder_changes")),
        Place("search", f"{reverse('search')}?q=survival"),
        Place("search-narrowed", f"{reverse('search')}?q=survival&type=review", visitor=READER),
        Place("search-unknown-filter", f"{reverse('search')}?q=survival&topic=nowhere"),
        Place("search-nothing", f"{reverse('search')}?q=appendicitis"),
        Place("search-start", reverse("search")),
        Place("withdrawn", reverse("article", args=[WITHDRAWN]), status=410),
        Place("guest-preview", _guest_preview()),
        *(Place(f"page-{page.slug}", page.get_absolute_url()) for page in PlainPage.objects.all()),
    ]


def _guest_preview() -> str:
    token = make_preview_link(
        article=Article.objects.get(slug=IN_REVIEW),
        user=User.objects.get(email=ADMIN.email),
        days=7,
    )
    return reverse("article_preview", args=[token])


def _reader_places() -> list[Place]:
    article = reverse("article", args=[ARTICLE])
    table = reverse("article", args=["hazard-ratio"])
    figure = reverse("article", args=["kaplan-meier-curve"])
    survey = reverse("respond", args=[ARTICLE])
    options = reverse("respond", args=[OTHER_SURVEY])
    return [
        Place("article", article, READER),
        Place("article-table", table, READER),
        Place("article-figure", figure, READER),
        Place("article-corrected", reverse("article", args=[CORRECTED]), READER),
        Place("survey", survey, READER),
        Place("survey-error", survey, READER, press="Send feedback", status=400),
        Place("thank-you", reverse("feedback_thanks", args=[ARTICLE]), RESPONDER),
        Place("survey-change", survey, RESPONDER),
        # "Not applicable", labels of its own, free text, the objectives beside a statement.
        Place("survey-options", options, READER),
        Place("survey-options-error", options, READER, press="Send feedback", status=400),
        Place("survey-options-change", options, RESPONDER),
        Place("thank-you-options", reverse("feedback_thanks", args=[OTHER_SURVEY]), RESPONDER),
    ]


def _account_places() -> list[Place]:
    return [
        Place("sign-in", reverse("account_login")),
        Place("sign-in-error", reverse("account_login"), press="Sign in"),
        Place("sign-up", reverse("account_signup")),
        Place("sign-up-error", reverse("account_signup"), press="Create account"),
        Place("password-reset", reverse("account_reset_password")),
        Place("password-reset-done", reverse("account_reset_password_done")),
        Place("account", reverse("account_email"), MEMBER),
        Place("account-password", reverse("account_change_password"), MEMBER),
        Place("sign-out", reverse("account_logout"), MEMBER),
    ]


def _error_places() -> list[Place]:
    return [
        Place("error-400", "/search/?q=%00", status=400),
        Place("error-403", reverse("admin:feedback_results"), DESK_EDITOR, status=403),
        Place("error-404", "/no-such-page/", status=404),
        Place("error-500", "/error/500/", status=500, html=render_to_string("500.html")),
        Place("error-503", "/error/503/", status=503, html=render_to_string("503.html")),
    ]


def _editor_places(article: Article) -> list[Place]:
    draft = Article.objects.get(status=Article.Status.DRAFT)
    asked = Person.objects.get(slug="clara-placeholder")

    def of_article(view: str, which: Article) -> str:
        return reverse(f"admin:articles_article_{view}", args=[which.pk])

    in_review, corrected = (Article.objects.get(slug=slug) for slug in (IN_REVIEW, CORRECTED))
    approved = Article.objects.get(slug=FEW_RESPONSES)
    submit_for_review(article=approved, user=None)
    approve_article(article=approved, user=None)
    withdraw = of_article("withdraw", article)

    # Adding to a published article makes its draft newer than its version.
    return [
        Place("desk-editor", reverse("admin:index"), DESK_EDITOR),
        Place("desk-articles", reverse("admin:articles_article_changelist"), DESK_EDITOR),
        Place("desk-article-new", reverse("admin:articles_article_add"), DESK_EDITOR),
        Place("desk-article", of_article("change", article), DESK_EDITOR),
        Place(
            "desk-article-error", reverse("admin:articles_article_add"), DESK_EDITOR, press="Save"
        ),
        Place("desk-article-draft", of_article("change", draft), DESK_EDITOR),
        Place("desk-independence", of_article("independence", draft), DESK_EDITOR),
        Place(
            "desk-independence-error",
            of_article("independence", draft),
            DESK_EDITOR,
            press="Record the assessment",
        ),
        Place("desk-publish", of_article("publish", approved), DESK_EDITOR),
        Place("desk-schedule", of_article("schedule", approved), DESK_EDITOR),
        Place("desk-submit-blocked", of_article("submit", draft), DESK_EDITOR),
        Place("desk-not-possible", of_article("publish", article), DESK_EDITOR),
        Place("desk-withdraw", of_article("withdraw", article), DESK_EDITOR),
        Place("desk-withdraw-error", withdraw, DESK_EDITOR, press="Withdraw"),
        Place("desk-preview-links", of_article("preview_links", in_review), DESK_EDITOR),
        Place("desk-compare", of_article("compare", corrected), DESK_EDITOR),
        Place("desk-reviewer", reverse("admin:index"), DESK_REVIEWER),
        Place("desk-reviewed-article", of_article("change", in_review), DESK_REVIEWER),
        Place("desk-approve", of_article("approve", in_review), DESK_REVIEWER),
        Place("desk-import", of_article("import_references", article), DESK_EDITOR),
        Place(
            "desk-import-error",
            of_article("import_references", article),
            DESK_EDITOR,
            press="Read",
            status=400,
        ),
        Place("desk-preview", of_article("preview", draft), DESK_EDITOR),
        Place("desk-history", of_article("history", article), DESK_EDITOR),
        Place(
            "desk-person",
            reverse("admin:people_person_change", args=[asked.pk]),
            DESK_EDITOR,
        ),
        Place(
            "desk-person-ask", f"/admin/people/person/{asked.pk}/ask-for-disclosure/", DESK_EDITOR
        ),
        Place("desk-requests", reverse("admin:people_disclosurerequest_changelist"), DESK_EDITOR),
        Place("desk-declaration-new", reverse("admin:people_disclosure_add"), DESK_EDITOR),
        Place("desk-person-error", reverse("admin:people_person_add"), DESK_EDITOR, press="Save"),
    ]


def _staff_places(mailing: Mailing) -> list[Place]:
    agreement = reverse("admin:funders_agreement_add")
    report = _report_of_a_year()

    def staff(name: str, view: str, *arguments: object) -> Place:
        return Place(name, reverse(f"admin:{view}", args=arguments), DESK_STAFF)

    return [
        staff("desk-staff", "index"),
        *result_places(Article.objects.get(slug=FEW_RESPONSES)),
        *export_places(),
        staff("desk-funders", "funders_funder_changelist"),
        staff("desk-funder", "funders_funder_change", Funder.objects.earliest("pk").pk),
        staff("desk-funder-new", "funders_funder_add"),
        staff("desk-agreements", "funders_agreement_changelist"),
        staff("desk-agreement", "funders_agreement_change", Agreement.objects.earliest("pk").pk),
        staff("desk-reports", "independence_report_changelist"),
        staff("desk-report", "independence_report_change", report.pk),
        staff("desk-report-new", "independence_report_add"),
        Place("desk-report-error", reverse("admin:independence_report_add"), DESK_STAFF, "Save"),
        *mailing_places(mailing),
        staff("desk-mailings", "mail_mailing_changelist"),
        staff("desk-mailing", "mail_mailing_change", mailing.pk),
        staff("desk-deliveries", "mail_delivery_changelist"),
        staff("desk-settings", "core_sitesettings_change", 1),
        staff("desk-page", "core_page_change", PlainPage.objects.earliest("pk").pk),
        Place("desk-page-error", reverse("admin:core_page_add"), DESK_STAFF, press="Save"),
        Place("desk-agreement-error", agreement, DESK_STAFF, press="Save"),
    ]


def _report_of_a_year() -> Report:
    """Return a report of 2025, in which the demo's articles were published."""
    audit_memberships(on=date(2025, 12, 31))
    year = {"starts_on": date(2025, 1, 1), "ends_on": date(2025, 12, 31)}
    return Report.objects.create(
        **year,
        generated_by=User.objects.get(email=STAFF.email),
        sha256=report_sha256(report_facts(*year.values())),
        schema=SCHEMA,
    )


def _let_in(visitor: str) -> dict[str, str]:
    """Return the cookies of a reader who has attested, or of somebody signed in."""
    client = Client()
    if visitor in (READER, RESPONDER, MEMBER):
        form = {"is_healthcare_professional": "on", "statement": current_statement().number}
        client.post(reverse("gate"), form)
    if visitor == RESPONDER:
        _answer_survey(client)
    people = {MEMBER: ADMIN, DESK_EDITOR: EDITOR, DESK_REVIEWER: REVIEWER}
    if user := {**people, DESK_STAFF: STAFF, DESK_LEAD: LEAD}.get(visitor):
        client.force_login(User.objects.get(email=user.email))
    return {name: morsel.value for name, morsel in client.cookies.items()}


def _answer_survey(client: Client) -> None:
    for slug, first in ((ARTICLE, 4), (OTHER_SURVEY, NOT_APPLICABLE)):
        address = reverse("respond", args=[slug])
        form = client.get(address).context["form"]
        answers = {
            "survey_version": form.survey.version_id,
            "article_version": form.shown_article_version(),
            "comment": "A second figure would help:\nwhat the curve looks like without censoring.",
        }
        for number, statement in enumerate(form.statements()):
            answers[statement.html_name] = 4 + number % 2 if number else first
        answered = client.post(address, answers)
        assert answered.status_code == 303
