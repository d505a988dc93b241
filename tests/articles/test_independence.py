"""Money and content: what is settled before an article may be published, and by whom."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from articles.models import ArticleVersion, Overruling, RelevanceAssessment
from articles.product_names import product_hits
from articles.services import (
    ApprovalRefused,
    approve_article,
    assess_relationship,
    overrule,
    publication_blocks,
    publish_article,
    submit_for_review,
)
from portal.people.models import Person
from portal.people.needs import needed_people
from tests.factories import (
    DisclosureFactory,
    FunderFactory,
    PublishableArticleFactory,
    UserFactory,
    publish,
    sign_by,
)

pytestmark = pytest.mark.django_db

BEGAN = datetime.date(2026, 3, 2)


def messages(article):
    return [block.message for block in publication_blocks(article)]


@pytest.fixture
def conflicted():
    """An article whose author receives honoraria; the work began on 2 March 2026."""
    article = PublishableArticleFactory()
    person = sign_by(article, has_none=False)
    article.article_authors.update(work_began_on=BEGAN)
    Person.objects.filter(pk=person.pk).update(name="Dr Author")
    person.disclosures.get().relationships.create(company="Placebo Ltd", nature="honoraria")
    return article


def assess(article, **decision):
    relationship = article.article_authors.get().person.disclosures.first().relationships.get()
    given = {"user": None, "is_relevant": True, "reason": "Same drug."}
    return assess_relationship(article=article, relationship=relationship, **given | decision)


def mitigated(on):
    return {"mitigation": "peer_review", "mitigated_on": on}


# --- relationships --------------------------------------------------------------------------------


def test_a_relationship_that_nobody_assessed_blocks(conflicted):
    assert messages(conflicted) == [
        "Is the relationship of Dr Author with Placebo Ltd relevant here? Assess it."
    ]


def test_what_is_not_relevant_blocks_nothing(conflicted):
    assess(conflicted, is_relevant=False, reason="Another field.")
    assert messages(conflicted) == []


def test_what_is_relevant_is_mitigated(conflicted):
    assess(conflicted)
    assert messages(conflicted) == [
        "The relevant relationship of Dr Author with Placebo Ltd is not mitigated."
    ]


@pytest.mark.parametrize(("days", "blocks"), [(-1, False), (0, True), (1, True)])
def test_a_mitigation_is_dated_before_the_work_began(conflicted, days, blocks):
    assess(conflicted, **mitigated(BEGAN + datetime.timedelta(days=days)))
    late = "The relevant relationship of Dr Author with Placebo Ltd was not mitigated before the "
    assert messages(conflicted) == ([f"{late}work began."] if blocks else [])


def test_the_latest_assessment_stands(conflicted):
    assess(conflicted, **mitigated(datetime.date(2026, 1, 1)))
    assess(conflicted)
    assert len(messages(conflicted)) == 1
    assess(conflicted, is_relevant=False, reason="It was another company.")
    assert messages(conflicted) == []


def test_what_is_declared_again_is_assessed_already(conflicted):
    assess(conflicted, is_relevant=False)
    person = conflicted.article_authors.get().person
    again = DisclosureFactory(person=person, has_none=False)
    again.relationships.create(company="  placebo  LTD", nature="honoraria")
    assert messages(conflicted) == []
    again.relationships.create(company="Placebo Ltd", nature="consultancy")
    assert len(messages(conflicted)) == 1


@pytest.mark.parametrize("group", ["Staff", None])
def test_only_who_may_assess_assesses(conflicted, group):
    with pytest.raises(PermissionDenied):
        assess(conflicted, user=UserFactory(group=group) if group else UserFactory())
    assert not RelevanceAssessment.objects.exists()


def test_nobody_assesses_money_of_their_own(conflicted):
    user = UserFactory(group="Editors")
    Person.objects.filter(pk=conflicted.article_authors.get().person.pk).update(user=user)
    with pytest.raises(PermissionDenied):
        assess(conflicted, user=user, is_relevant=False)


def test_assessments_stay_on_record(conflicted):
    assess(conflicted)
    for change in (
        lambda: RelevanceAssessment.objects.update(is_relevant=False),
        lambda: RelevanceAssessment.objects.all().delete(),
    ):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            change()


# --- approvers ------------------------------------------------------------------------------------


def submitted():
    article = PublishableArticleFactory()
    submit_for_review(article=article, user=None)
    return article


def test_an_approver_is_a_person_who_discloses():
    user = UserFactory(group="Medical reviewers")
    Person.objects.filter(user=user).update(user=None)
    article = submitted()
    with pytest.raises(ApprovalRefused, match="belongs to no person"):
        approve_article(article=article, user=user)
    person = DisclosureFactory(
        person__user=user, declared_on=timezone.localdate() - datetime.timedelta(days=365)
    ).person
    with pytest.raises(ApprovalRefused, match="no current disclosure"):
        approve_article(article=article, user=user)
    DisclosureFactory(person=person)
    approve_article(article=article, user=user)
    version = publish_article(article=article, user=None)
    [own] = [one for one in version.document["disclosures"] if one["name"] == person.name]
    assert (own["is_approver"], own["has_none"]) == (True, True)
    assert person in version.people.all()


def test_an_approvers_relevant_relationship_blocks_publication():
    user = UserFactory(group="Medical reviewers")
    again = DisclosureFactory(person=user.person, has_none=False)
    relationship = again.relationships.create(company="Placebo Ltd", nature="equity")
    article = submitted()
    approve_article(article=article, user=user)
    assert len(messages(article)) == 1
    assess_relationship(
        article=article, relationship=relationship, user=None, is_relevant=False, reason="None."
    )
    assert messages(article) == []


def test_who_may_change_agreements_approves_nothing():
    user = UserFactory(group="Medical reviewers")
    user.groups.add(*UserFactory(group="Staff").groups.all())
    with pytest.raises(ApprovalRefused, match="agreements with funders"):
        approve_article(article=submitted(), user=type(user).objects.get(pk=user.pk))


def test_the_database_keeps_writers_and_approvers_of_a_version_apart():
    version = publish(PublishableArticleFactory())
    user = UserFactory()
    fields = {"article": version.article, "document": {}, "published_at": timezone.now()}
    with pytest.raises(IntegrityError, match="approved_by_another"), transaction.atomic():
        ArticleVersion.objects.create(number=2, written_by=[user.pk], approved_by=user, **fields)
    ArticleVersion.objects.create(number=2, written_by=[0], approved_by=user, **fields)


def test_whose_disclosure_is_needed():
    named = PublishableArticleFactory().article_authors.get().person
    approver = UserFactory(group="Medical reviewers")
    DisclosureFactory(person__name="Nobody asks")
    approve_article(article=submitted(), user=approver)
    assert {named, approver.person} <= set(needed_people())
    assert not needed_people().filter(name="Nobody asks").exists()


# --- trade names and links ------------------------------------------------------------------------


@pytest.fixture
def funder():
    funder = FunderFactory(website="https://www.placebo.example/about")
    funder.trade_names.create(name="Placebex")
    funder.trade_names.create(name="Dummy XR+")
    funder.product_sites.create(host="dummy-xr.example")
    return funder


def found(article):
    return [(hit.rule.value, hit.found, hit.field) for hit in product_hits(article)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>Given placebex, 5 mg.</p>", [("trade_name", "placebex", "sections-0")]),
        ("<p>PLACE<b>BEX</b></p>", [("trade_name", "placebex", "sections-0")]),
        ("<p>Dummy\n XR+.</p>", [("trade_name", "dummy xr+", "sections-0")]),
        ("<p>Placebexal and Replacebex.</p>", []),
        ("<p>Dummy</p>", []),
        (
            '<p><a href="https://shop.Dummy-XR.example/buy?x=1">here</a></p>',
            [("link", "https://shop.dummy-xr.example/buy?x=1", "sections-0")],
        ),
        (
            '<p><a href="http://placebo.example.">us</a></p>',
            [("link", "http://placebo.example.", "sections-0")],
        ),
        ('<p><a href="https://notplacebo.example/">x</a></p>', []),
        ('<p><a href="https://placebo.example.org/">x</a></p>', []),
        ('<p><a href="http://[">x</a></p>', []),
    ],
)
def test_findings_in_the_text(funder, body, expected):
    article = PublishableArticleFactory()
    article.sections.filter(position=1).update(body=f"{body}<p>[@halpern]</p>")
    assert found(article) == expected
    assert [block.field for block in publication_blocks(article)] == [
        field for _rule, _found, field in expected
    ]


@pytest.mark.parametrize("field", ["title", "summary", "intended_audience", "ai_statement"])
def test_findings_in_each_field(funder, field):
    article = PublishableArticleFactory(**{field: "About Placebex"})
    assert found(article) == [("trade_name", "placebex", field)]


def test_findings_elsewhere(funder):
    article = PublishableArticleFactory()
    article.objectives.update(text="Use Placebex.")
    article.sections.filter(position=2).update(alt="A box of Placebex")
    article.abbreviations.create(short="P", long="Placebex")
    csl = {"type": "webpage", "title": "Placebex", "URL": "https://placebo.example/x"}
    article.references.create(key="site", csl=csl)
    assert found(article) == [
        ("trade_name", "placebex", "objectives-0"),
        ("trade_name", "placebex", "sections-1"),
        ("trade_name", "placebex", "abbreviations-0"),
        ("link", "https://placebo.example/x", "references-1"),
    ]


def test_an_editor_overrules_a_false_hit_with_a_reason(funder):
    article = PublishableArticleFactory(title="Placebex, the river")
    editor = UserFactory(group="Editors")
    [hit] = product_hits(article)
    for user in (UserFactory(), UserFactory(group="Staff")):
        with pytest.raises(PermissionDenied):
            overrule(article=article, hit=hit, user=user, reason="A river.")
    with pytest.raises(ValueError, match="reason"):
        overrule(article=article, hit=hit, user=editor, reason=" ")
    overrule(article=article, hit=hit, user=editor, reason="A river.")
    assert publication_blocks(article) == []
    assert Overruling.objects.values_list("rule", "found", "reason", "overruled_by").get() == (
        ("trade_name", "placebex", "A river.", editor.pk)
    )
    # Another article is another question.
    assert len(product_hits(PublishableArticleFactory(title="Placebex"))) == 1


def test_a_name_that_becomes_one_after_the_approval_blocks():
    article = PublishableArticleFactory(title="Placebex")
    submit_for_review(article=article, user=None)
    approve_article(article=article, user=None)
    FunderFactory().trade_names.create(name="PLACEBEX")
    assert len(messages(article)) == 1


# --- the desk -------------------------------------------------------------------------------------


def page(article):
    return f"/admin/articles/article/{article.pk}/independence/"


def name_of(article):
    disclosure = article.article_authors.get().person.disclosures.get()
    return f"relationship-{disclosure.relationships.get().pk}"


@pytest.fixture
def desk(client):
    client.force_login(UserFactory(group="Editors"))
    return client


def test_the_page_takes_an_assessment(desk, conflicted):
    name = name_of(conflicted)
    html = desk.get(page(conflicted)).content.decode()
    assert "Nobody has assessed it yet." in html
    data = {
        "about": name,
        f"{name}-is_relevant": "yes",
        f"{name}-reason": "Same drug.",
        f"{name}-mitigation": "peer_review",
    }
    response = desk.post(page(conflicted), data)
    assert "A mitigation has a kind and a date." in response.content.decode()
    assert "Same drug." in response.content.decode()
    response = desk.post(page(conflicted), {**data, f"{name}-mitigated_on": "2026-01-01"})
    assert response.status_code == 302
    assessment = RelevanceAssessment.objects.get()
    assert (assessment.is_relevant, assessment.mitigated_on) == (True, datetime.date(2026, 1, 1))
    assert "Settled." in desk.get(page(conflicted)).content.decode()


def test_the_page_takes_an_overruling_once(desk, funder):
    article = PublishableArticleFactory(title="Placebex, the river", summary="Placebex")
    data = {"about": "hit-0", "hit-0-reason": "A river."}
    assert desk.post(page(article), {"about": "hit-0"}).status_code == 200
    for _ in range(2):
        assert desk.post(page(article), data).status_code == 302
    assert Overruling.objects.count() == 1
    assert messages(article) == []
    assert "A river." in desk.get(page(article)).content.decode()


def test_who_may_only_look_sees_no_form(client, conflicted, funder):
    client.force_login(UserFactory(group="Staff"))
    html = client.get(page(conflicted)).content.decode()
    assert "Record the assessment" not in html
    name = name_of(conflicted)
    data = {"about": name, f"{name}-is_relevant": "no", f"{name}-reason": "x"}
    assert client.post(page(conflicted), data).status_code == 403


def test_the_checklist_leads_to_the_page(desk, conflicted):
    html = desk.get(f"/admin/articles/article/{conflicted.pk}/change/").content.decode()
    assert f'<a href="{page(conflicted)}">Is the relationship of Dr Author' in html


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same(desk, conflicted, funder, count, django_assert_num_queries):
    disclosure = conflicted.article_authors.get().person.disclosures.get()
    for number in range(count):
        disclosure.relationships.create(company=f"Company {number}", nature="other")
        conflicted.overrulings.create(rule="link", found=f"x{number}", reason="x")
    desk.get(page(conflicted))
    with django_assert_num_queries(21):
        desk.get(page(conflicted))
