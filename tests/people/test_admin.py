"""People and their declarations at the desk."""

import datetime
import html

import pytest
from django.utils import timezone

from portal.mail.models import Delivery
from portal.people.models import Disclosure, DisclosureRequest, Person
from portal.people.requests import request_disclosure
from tests.factories import (
    DisclosureFactory,
    DisclosureRequestFactory,
    PersonFactory,
    UserFactory,
    published_article,
)

pytestmark = pytest.mark.django_db

ADD = "/admin/people/disclosure/add/"


@pytest.fixture
def editor(client):
    user = UserFactory(group="Editors")
    client.force_login(user)
    return user


def words(response):
    return " ".join(html.unescape(response.content.decode()).split())


def page(person, view="change"):
    return f"/admin/people/person/{person.pk}/{view}/"


# --- asking ---------------------------------------------------------------------------------------


def test_an_editor_asks_for_a_disclosure(client, editor):
    person = PersonFactory(email="author@hospital.example")
    ask = page(person, "ask-for-disclosure")
    assert f'href="{ask}"' in client.get(page(person)).content.decode()
    assert "We write to author@hospital.example" in words(client.get(ask))
    assert DisclosureRequest.objects.count() == 0
    response = client.post(ask, follow=True)
    assert response.redirect_chain == [(page(person), 302)]
    assert "The request is on its way." in words(response)
    assert "waits to be sent" in words(response)
    assert DisclosureRequest.objects.get().requested_by == editor


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("failed", "could not be sent: check the address, then ask again"),
        ("deferred", "not sent yet: the mail server puts it off, it is tried again"),
        ("unknown", "may have arrived: the mail server did not say"),
        ("sent", "sent on "),
    ],
)
def test_the_desk_says_what_became_of_the_mail(client, editor, state, said):
    person = PersonFactory(email="author@hospital.example")
    request_disclosure(person=person, user=editor)
    now = timezone.now()
    ended = {} if state == "deferred" else {"finished_at": now}
    Delivery.objects.update(state=state, attempts=1, started_at=now, **ended)
    assert said in words(client.get(page(person)))
    assert said in words(client.get("/admin/people/disclosurerequest/"))


def test_answered_and_expired_requests_say_so(client, editor):
    DisclosureRequestFactory(disclosure=DisclosureFactory())
    past = timezone.now() - datetime.timedelta(days=20)
    DisclosureRequestFactory(created_at=past)
    said = words(client.get("/admin/people/disclosurerequest/"))
    assert said.count(">answered<") == 1
    assert said.count(">expired without an answer<") == 1


def test_nobody_is_asked_without_an_address(client, editor):
    person = PersonFactory()
    ask = page(person, "ask-for-disclosure")
    assert "There is no e-mail address to write to." in words(client.get(ask))
    response = client.post(ask)
    assert response.status_code == 200
    assert f"{person} has no e-mail address." in words(response)
    assert DisclosureRequest.objects.count() == 0


@pytest.mark.parametrize("group", ["Medical reviewers", "Staff"])
def test_others_do_not_ask(client, group):
    client.force_login(UserFactory(group=group))
    person = PersonFactory(email="author@hospital.example")
    for method in (client.get, client.post):
        assert method(page(person, "ask-for-disclosure")).status_code == 403
    assert DisclosureRequest.objects.count() == 0


def test_asking_somebody_who_is_not_there_is_a_404(client, editor):
    assert client.post("/admin/people/person/999999/ask-for-disclosure/").status_code == 404


def test_a_corrected_address_ends_the_link_that_went_to_the_other(client, editor):
    person = PersonFactory(email="wrong@hospital.example")
    request = request_disclosure(person=person, user=editor)
    data = {"name": person.name, "slug": person.slug, "email": "right@Hospital.example"}
    for prefix in ("disclosures", "disclosure_requests"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    response = client.post(page(person), data, follow=True)
    assert "The link that was sent to the former address works no more" in words(response)
    person.refresh_from_db()
    request.refresh_from_db()
    assert person.email == "right@hospital.example"
    assert request.has_expired
    assert client.post(page(person), data | {"email": "ü@x.example"}).status_code == 200
    person.refresh_from_db()
    assert person.email == "right@hospital.example"


# --- declarations on paper ------------------------------------------------------------------------


def paper(person, *rows, **fields):
    data = {
        "person": person.pk,
        "declared_on": timezone.localdate().isoformat(),
        "relationships-TOTAL_FORMS": str(len(rows)),
        "relationships-INITIAL_FORMS": "0",
    }
    for number, row in enumerate(rows):
        data |= {f"relationships-{number}-{name}": value for name, value in row.items()}
    return data | fields


HONORARIA = {"company": "Placebo Ltd", "nature": "honoraria", "starts_on": "2020-01-01"}


def test_an_editor_records_a_declaration_on_paper(client, editor):
    person = PersonFactory()
    assert client.get(f"{ADD}?person={person.pk}").status_code == 200
    assert client.post(ADD, paper(person, HONORARIA)).status_code == 302
    disclosure = Disclosure.objects.get()
    assert (disclosure.person, disclosure.has_none) == (person, False)
    assert disclosure.relationships.get().company == "Placebo Ltd"
    assert client.post(ADD, paper(person, {}, has_none="on")).status_code == 302
    assert Disclosure.objects.count() == 2


def tomorrow():
    return (timezone.localdate() + datetime.timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("rows", "fields", "message"),
    [
        ([HONORARIA], {"has_none": "on"}, "“Nothing to disclose” and relationships exclude"),
        ([{}], {}, "Enter at least one relationship, or declare that there is none."),
        ([HONORARIA | {"ends_on": "2020-02-01"}], {}, "It ended more than 24 months before"),
        ([HONORARIA | {"starts_on": "0020-01-01"}], {}, "Check the year."),
        ([{}], {"has_none": "on", "declared_on": tomorrow()}, "cannot come from the future"),
        ([HONORARIA | {"company": ""}], {}, "This field is required."),
    ],
)
def test_a_wrong_paper_declaration_is_refused(client, editor, rows, fields, message):
    response = client.post(ADD, paper(PersonFactory(), *rows, **fields))
    assert response.status_code == 200
    assert message in words(response)
    assert Disclosure.objects.count() == 0


def test_what_was_declared_is_neither_changed_nor_deleted_here(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    disclosure = DisclosureFactory(has_none=False)
    disclosure.relationships.create(company="Placebo Ltd", nature="honoraria")
    address = f"/admin/people/disclosure/{disclosure.pk}/change/"
    response = client.get(address)
    assert "Placebo Ltd" in words(response)
    assert 'name="_save"' not in response.content.decode()
    assert client.post(address, paper(disclosure.person)).status_code == 403
    assert client.get(f"/admin/people/disclosure/{disclosure.pk}/delete/").status_code == 403
    inline = client.get(page(disclosure.person)).content.decode()
    assert 'name="disclosures-0-has_none"' not in inline


# --- deleting a person ----------------------------------------------------------------------------


@pytest.fixture
def superuser(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))


def test_a_person_whom_a_version_names_is_kept_with_the_reason(client, superuser):
    person = published_article().article_authors.get().person
    for response in (
        client.get(page(person, "delete")),
        client.post(page(person, "delete"), {"post": "yes"}),
        client.post(
            "/admin/people/person/",
            {"action": "delete_selected", "_selected_action": person.pk, "post": "yes"},
        ),
    ):
        assert response.status_code == 200
        said = words(response)
        assert f"What {person} has declared: it is kept as evidence." in said
        assert "protected related objects" in said
    assert Person.objects.filter(pk=person.pk).exists()


def test_a_person_who_never_declared_can_be_deleted_with_the_requests(client, superuser):
    person = DisclosureRequestFactory().person
    assert "kept as evidence" not in words(client.get(page(person, "delete")))
    assert client.post(page(person, "delete"), {"post": "yes"}).status_code == 302
    assert Person.objects.count() == 0


# --- lists and the panel --------------------------------------------------------------------------


def test_the_list_says_how_it_stands(client, editor):
    today = timezone.localdate()
    for number, name in ((10, "Current"), (365, "Stale"), (None, "Never")):
        person = PersonFactory(name=name)
        if number is not None:
            day = today - datetime.timedelta(days=number)
            DisclosureFactory(person=person, declared_on=day)
    said = words(client.get("/admin/people/person/"))
    assert said.count(", good until ") == 1
    assert said.count("stale since ") == 1
    assert said.count(">none yet<") == 1


@pytest.mark.parametrize(
    "address", ["/admin/people/person/", "/admin/people/disclosurerequest/", "/admin/"]
)
def test_lists_cost_the_same_for_one_and_for_three(
    client, editor, address, django_assert_num_queries, django_assert_max_num_queries
):
    def add():
        day = timezone.localdate() - datetime.timedelta(days=350)
        person = DisclosureFactory(
            declared_on=day, person__email=f"a{Person.objects.count()}@hospital.example"
        ).person
        request_disclosure(person=person, user=editor)

    add()
    client.get(address)
    with django_assert_max_num_queries(40) as counted:
        client.get(address)
    add()
    add()
    with django_assert_num_queries(len(counted)):
        client.get(address)


def test_the_panel_says_who_goes_stale_and_what_was_done(client, editor):
    today = timezone.localdate()

    def declared(age, **fields):
        day = today - datetime.timedelta(days=age)
        fields = {f"person__{name}": value for name, value in fields.items()}
        return DisclosureFactory(declared_on=day, **fields).person

    declared(365, name="Stale already")
    declared(334, name="Still good")
    declared(335, name="No address")
    asked = declared(364, name="Asked", email="a@hospital.example")
    renewed = declared(340, name="Renewed")
    DisclosureFactory(person=renewed)
    request_disclosure(person=asked, user=editor)
    panel = words(client.get("/admin/")).partition("Disclosures that go stale")[2]
    panel = panel.partition("</section>")[0]
    names = ["Stale already", "Still good", "No address", "Asked", "Renewed"]
    assert [name for name in names if f">{name}<" in panel] == ["No address", "Asked"]
    assert panel.index("Asked") < panel.index("No address")
    assert "; request: waits to be sent" in panel
    assert "; no e-mail address" in panel


def test_the_panel_is_for_those_who_may_ask(client):
    client.force_login(UserFactory(group="Medical reviewers"))
    assert "Disclosures that go stale" not in words(client.get("/admin/"))
