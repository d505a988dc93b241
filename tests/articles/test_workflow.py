"""The verbs: who may, from where, what each writes, and that nothing else publishes."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from articles.models import Article, ArticleTransition, ArticleVersion, Verb
from articles.services import (
    ApprovalRefused,
    IllegalTransition,
    PublicationBlocked,
    allowed_verbs,
    approve_article,
    publish_article,
    record_edit,
    reinstate_article,
    return_to_author,
    schedule_article,
    submit_for_review,
    unschedule,
    withdraw_article,
)
from articles.services.transitions import PERMISSIONS, TRANSITIONS
from tests.factories import (
    DisclosureFactory,
    PublishableArticleFactory,
    UserFactory,
    approve,
    approved_article,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db

Status = Article.Status


def in_an_hour():
    return timezone.now() + datetime.timedelta(hours=1)


VERBS = {
    Verb.SUBMIT: submit_for_review,
    Verb.RETURN: return_to_author,
    Verb.APPROVE: approve_article,
    Verb.SCHEDULE: lambda **given: schedule_article(scheduled_for=in_an_hour(), **given),
    Verb.UNSCHEDULE: unschedule,
    Verb.PUBLISH: publish_article,
    Verb.WITHDRAW: lambda **given: withdraw_article(reason="Wrong numbers.", **given),
    Verb.REINSTATE: reinstate_article,
}


def submitted_article():
    article = PublishableArticleFactory()
    submit_for_review(article=article, user=None)
    return article


def scheduled_article(**fields):
    article = approved_article(**fields)
    schedule_article(article=article, user=None, scheduled_for=in_an_hour())
    return article


def withdrawn_article(**fields):
    article = published_article(**fields)
    withdraw_article(article=article, user=None, reason="Wrong numbers.")
    return article


STATES = {
    Status.DRAFT: PublishableArticleFactory,
    Status.IN_REVIEW: submitted_article,
    Status.APPROVED: approved_article,
    Status.SCHEDULED: scheduled_article,
    Status.PUBLISHED: published_article,
    Status.WITHDRAWN: withdrawn_article,
}
# Withdrawing is about what readers see: what they have never seen cannot be taken from them.
POSSIBLE = {
    (status, verb) for verb in VERBS for status in TRANSITIONS[verb][0] if verb != Verb.WITHDRAW
} | {(Status.PUBLISHED, Verb.WITHDRAW)}
FROM_PUBLISHED = (Status.DRAFT, Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED)


def test_the_tests_know_every_state_and_verb():
    assert set(STATES) == set(Status)
    assert set(VERBS) == set(PERMISSIONS) == set(Verb) - {Verb.REVISE, Verb.FAIL_SCHEDULE}


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_from_every_state(verb, status):
    article = STATES[status]()
    assert article.status == status
    before = ArticleTransition.objects.count()
    if (status, verb) not in POSSIBLE:
        with pytest.raises(IllegalTransition, match=str(status.label)):
            VERBS[verb](article=article, user=None)
        assert Article.objects.get().status == status
        assert ArticleTransition.objects.count() == before
        return
    VERBS[verb](article=article, user=None, comment="So be it.")
    assert article.status == Article.objects.get().status == TRANSITIONS[verb][1]
    step = ArticleTransition.objects.first()
    assert ArticleTransition.objects.count() == before + 1
    assert (step.verb, step.from_status, step.to_status) == (verb, status, article.status)
    assert (step.user, step.comment, step.version) == (
        None,
        "So be it.",
        article.published_version,
    )


@pytest.mark.parametrize("status", FROM_PUBLISHED)
def test_what_readers_see_is_withdrawn_wherever_its_draft_stands(status):
    article = published_article()
    steps = {
        Status.DRAFT: [],
        Status.IN_REVIEW: [submit_for_review],
        Status.APPROVED: [submit_for_review, approve_article],
        Status.SCHEDULED: [submit_for_review, approve_article, VERBS[Verb.SCHEDULE]],
    }[status]
    record_edit(article=article, user=UserFactory())
    for step in steps:
        step(article=article, user=None)
    assert article.status == status
    assert list(Article.objects.published()) == [article]
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert (article.status, article.approved_sha256, article.scheduled_for) == (
        "withdrawn",
        "",
        None,
    )
    assert not Article.objects.published().exists()
    assert not ArticleVersion.objects.published().exists()


# --- who may --------------------------------------------------------------------------------------

EDITORS = {Verb.SUBMIT, Verb.SCHEDULE, Verb.UNSCHEDULE, Verb.PUBLISH}
EDITORS |= {Verb.WITHDRAW, Verb.REINSTATE}
ROLES = {
    "visitor": ("", set()),
    "editor who wrote": ("Editors", EDITORS),
    "other editor": ("Editors", EDITORS),
    "medical reviewer": ("Medical reviewers", {Verb.RETURN, Verb.APPROVE}),
    "staff": ("Staff", set()),
    # May change agreements with funders, too: so approves nothing.
    "superuser": (None, set(VERBS)),
}


def user_of(role):
    group = ROLES[role][0]
    if group is None:
        return UserFactory(is_staff=True, is_superuser=True)
    return UserFactory(group=group) if group else UserFactory()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_role(verb, role):
    user = user_of(role)
    status = next(status for status in STATES if (status, verb) in POSSIBLE)
    article = STATES[status]()
    if role == "editor who wrote":
        article.editors.create(user=user, edited_at=timezone.now())
    assert (verb in allowed_verbs(article, user)) == (verb in ROLES[role][1])
    if (role, verb) == ("superuser", Verb.APPROVE):
        with pytest.raises(ApprovalRefused, match="agreements with funders"):
            VERBS[verb](article=article, user=user)
    elif verb in ROLES[role][1]:
        VERBS[verb](article=article, user=user)
        assert article.transitions.first().user == user
    else:
        with pytest.raises(PermissionDenied):
            VERBS[verb](article=article, user=user)
        assert Article.objects.get().status == status


def _submitted_it(article, user):
    Article.objects.filter(pk=article.pk).update(submitted_by=user)


def _edited_it(article, user):
    record_edit(article=article, user=user)


def _is_its_author(article, user):
    row = article.article_authors.get()
    row.person = getattr(user, "person", None) or DisclosureFactory(person__user=user).person
    row.save()


@pytest.mark.parametrize("wrote", [_submitted_it, _edited_it, _is_its_author])
@pytest.mark.parametrize("is_superuser", [False, True])
def test_who_wrote_does_not_approve(wrote, is_superuser):
    user = user_of("superuser" if is_superuser else "medical reviewer")
    article = submitted_article()
    wrote(article, user)
    with pytest.raises(ApprovalRefused, match="somebody else must approve it"):
        approve_article(article=article, user=user)
    assert Article.objects.get().status == Status.IN_REVIEW
    approve_article(article=article, user=UserFactory(group="Medical reviewers"))
    assert article.status == Status.APPROVED


def test_who_edited_an_earlier_version_may_approve_the_next():
    user = UserFactory(group="Medical reviewers")
    article = PublishableArticleFactory()
    record_edit(article=article, user=user)
    publish(article)
    submit_for_review(article=article, user=None)
    approve_article(article=article, user=user)
    assert article.approved_by == user


def test_the_database_keeps_submitter_and_approver_apart(editor):
    article = approved_article()
    with pytest.raises(IntegrityError, match="articles_approved_by_another"), transaction.atomic():
        Article.objects.update(submitted_by=editor, approved_by=editor)
    Article.objects.update(submitted_by=editor, approved_by=UserFactory())
    assert Article.objects.get() == article


BROKEN = {
    "articles_published_has_version": {"status": "published"},
    "articles_approved_content": {"status": "approved"},
    "articles_scheduled_has_time": {"scheduled_for": datetime.datetime.now(datetime.UTC)},
    "articles_withdrawn_has_reason": {"withdrawn_at": datetime.datetime.now(datetime.UTC)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_database_refuses_states_that_no_verb_makes(name):
    PublishableArticleFactory()
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Article.objects.update(**BROKEN[name])


def test_the_log_is_only_added_to():
    approved_article()
    for change in (
        lambda: ArticleTransition.objects.update(comment="x"),
        lambda: ArticleTransition.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()


# --- approval freezes -----------------------------------------------------------------------------


def _rename_author(article):
    person = article.article_authors.get().person
    person.affiliation = "Elsewhere"
    person.save()


CHANGES = {
    "title": lambda article: Article.objects.update(title="Another"),
    "summary": lambda article: Article.objects.update(summary="Another."),
    "type": lambda article: Article.objects.update(type="review"),
    "text": lambda article: article.sections.filter(position=1).update(
        body="<p>Other. [@halpern]</p>"
    ),
    "objective": lambda article: article.objectives.update(text="Cite a ratio."),
    "source": lambda article: article.references.update(csl={"title": "Another"}),
    "author": _rename_author,
    "topic": lambda article: article.topics.update(name="Another"),
    "review day": lambda article: Article.objects.update(medically_reviewed_on="2026-01-01"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_since_it_was_approved_comes_out_by_no_path(name):
    article = approved_article()
    CHANGES[name](article)
    for step in (
        publish_article,
        lambda **given: schedule_article(scheduled_for=in_an_hour(), **given),
    ):
        with pytest.raises(PublicationBlocked, match="has been changed since it was approved"):
            step(article=article, user=None)
    assert not ArticleVersion.objects.exists()
    return_to_author(article=article, user=None)
    assert publish(article).number == 1


def test_an_edit_voids_the_approval_and_readers_keep_their_version(editor):
    for make in (approved_article, scheduled_article, published_article):
        article = make()
        before = article.status
        record_edit(article=article, user=editor)
        assert (article.status, article.revision, article.edited_by) == ("draft", 1, editor)
        assert (article.approved_sha256, article.approved_at, article.scheduled_for) == (
            "",
            None,
            None,
        )
        step = article.transitions.first()
        assert (step.verb, step.user, step.from_status) == ("revise", editor, before)
        with pytest.raises(IllegalTransition):
            publish_article(article=article, user=None)
    assert list(Article.objects.published()) == [article]


def test_an_edit_in_review_stays_in_review_but_not_unseen(editor):
    article = submitted_article()
    seen = article.revision
    record_edit(article=article, user=editor)
    assert article.status == Status.IN_REVIEW
    with pytest.raises(PublicationBlocked, match="changed since you looked at it"):
        approve_article(article=article, user=None, revision=seen)
    approve_article(article=article, user=None, revision=article.revision)
    assert article.status == Status.APPROVED


def test_the_version_says_who_approved_what():
    editor, reviewer = UserFactory(group="Editors"), UserFactory(group="Medical reviewers")
    article = PublishableArticleFactory()
    submit_for_review(article=article, user=editor)
    approve_article(article=article, user=reviewer)
    approved = article.approved_sha256
    version = publish_article(article=article, user=editor)
    assert (version.approved_by, version.content_sha256) == (reviewer, approved)
    assert len(approved) == 64
    assert [(step.verb, step.user) for step in article.transitions.all()] == [
        ("publish", editor),
        ("approve", reviewer),
        ("submit", editor),
    ]


# --- corrections and withdrawals ------------------------------------------------------------------


def test_a_first_version_then_updates_and_corrections():
    article = published_article()
    publish(article)
    publish(article, kind="correction", notice=" The number was wrong. ")
    kinds = article.versions.order_by("number").values_list("kind", "notice")
    assert list(kinds) == [
        ("first", ""),
        ("update", ""),
        ("correction", "The number was wrong."),
    ]


@pytest.mark.parametrize(
    ("kind", "notice"),
    [
        ("correction", ""),
        ("correction", "  "),
        ("update", "x"),
        ("", "x"),
        ("first", ""),
        ("x", ""),
    ],
)
def test_a_kind_that_does_not_fit_is_refused(kind, notice):
    article = approve(published_article())
    for step in (
        publish_article,
        lambda **given: schedule_article(scheduled_for=in_an_hour(), **given),
    ):
        with pytest.raises(ValueError, match=r"version|notice"):
            step(article=article, user=None, kind=kind, notice=notice)
    assert article.versions.count() == 1


def test_the_first_version_is_no_correction():
    with pytest.raises(ValueError, match="does not fit"):
        publish_article(article=approved_article(), user=None, kind="correction", notice="x")


def test_a_withdrawal_needs_a_reason_and_stands_until_a_new_version():
    article = published_article()
    with pytest.raises(ValueError, match="reason"):
        withdraw_article(article=article, user=None, reason=" ")
    withdraw_article(article=article, user=None, reason="Wrong.")
    reinstate_article(article=article, user=None)
    assert (article.status, article.withdrawal_reason) == ("draft", "Wrong.")
    assert not Article.objects.published().exists()
    publish(article)
    assert (article.withdrawn_at, article.withdrawal_reason) == (None, "")
    assert list(Article.objects.published()) == [article]
