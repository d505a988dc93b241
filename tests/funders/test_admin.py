"""The funders' desk."""

from django.urls import reverse

from portal.funders.models import Funder
from tests.factories import UserFactory


def test_a_website_without_a_scheme_is_taken_for_a_secure_one(client, db):
    client.force_login(UserFactory(group="Staff"))
    inline = {"agreements-TOTAL_FORMS": 0, "agreements-INITIAL_FORMS": 0}
    form = {"name": "Imaginary Therapeutics", "country": "", "website": "imaginary.example"}
    answer = client.post(reverse("admin:funders_funder_add"), form | inline)
    assert answer.status_code == 302
    assert Funder.objects.get().website == "https://imaginary.example"
