"""The gallery's pages of a declaration."""

from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.demo.users import EDITOR
from portal.mail.models import Mailing
from portal.people.models import DisclosureRequest, Person
from portal.people.requests import LINK_VALIDITY, disclosure_path, request_disclosure
from tests.places import Place


def declaration_places() -> list[Place]:
    """The page of a link to declare: open, used, expired, and the mail that carries it."""
    person = Person.objects.get(slug="clara-placeholder")
    person.email = "clara@hospital.example"
    person.save()
    request = request_disclosure(person=person, user=User.objects.get(email=EDITOR.email))
    mailing = Mailing.objects.get(key=request.mail_key)
    used, expired = (
        DisclosureRequest.objects.create(
            person=person, created_at=at, expires_at=at + LINK_VALIDITY
        )
        for at in (request.created_at, request.created_at - 2 * LINK_VALIDITY)
    )
    declared = Client().post(
        disclosure_path(used.pk),
        {"answer": "none", "is_confirmed": "on", "relationships-TOTAL_FORMS": 0}
        | {"relationships-INITIAL_FORMS": 0},
    )
    path = disclosure_path(request.pk)
    return [
        Place("declaration", path),
        Place("declaration-error", path, press="Send my declaration", status=400),
        Place("declaration-thanks", "/thanks/", html=declared.content.decode()),
        Place("declaration-used", disclosure_path(used.pk), status=410),
        Place("declaration-expired", disclosure_path(expired.pk), status=410),
        Place("declaration-guess", reverse("disclose", args=["guess"]), status=404),
        Place("mail-declaration", "/mail/declaration/", html=mailing.html),
    ]
