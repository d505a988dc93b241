"""A form that came back says what is missing in a sentence of its own, at the field and above."""

import re

import pytest

from portal.attestation.models import current_statement
from tests.factories import published_article

GATE = "/healthcare-professionals/"


def missing(html: str) -> list[str]:
    """The links of the summary above the form."""
    assert "This field is required" not in html
    summary = html[html.index("data-error-summary") :].partition("</ul>")[0]
    return [" ".join(text.split()) for text in re.findall(r"(?s)<a [^>]*>(.*?)</a>", summary)]


@pytest.mark.parametrize(
    ("address", "sentences"),
    [
        ("/accounts/login/", ["Enter your e-mail address.", "Enter your password."]),
        (
            "/accounts/signup/",
            ["Enter your e-mail address.", "Enter a password.", "Enter the password again."],
        ),
        ("/accounts/password/reset/", ["Enter your e-mail address."]),
        (
            "/updates/",
            ["Enter your e-mail address.", "Tick the box if you want to get these e-mails."],
        ),
        (
            GATE,
            ["Tick the declaration to continue, or choose the way for patients and carers."],
        ),
    ],
)
def test_an_empty_form_says_what_to_enter(client, db, address, sentences):
    html = client.post(address, {"statement": 1}).content.decode()
    assert missing(html) == sentences


def test_an_unanswered_survey_names_each_statement(client, db):
    client.post(GATE, {"is_healthcare_professional": "on", "statement": current_statement().number})
    article = published_article()
    address = f"{article.get_absolute_url()}feedback/"
    form = client.get(address).context["form"]
    answers = {
        "survey_version": form.survey.version_id,
        "article_version": form.shown_article_version(),
    }
    html = client.post(address, answers).content.decode()
    wordings = [field.label for field in form.statements()]
    assert missing(html) == [f"Choose how far you agree with “{text}”." for text in wordings]
    errors = re.findall(r'(?s)<ul class="errorlist" id="[^"]+">\s*<li>\s*(.*?)\s*</li>', html)
    assert errors == ["Choose how far you agree."] * len(wordings)


def test_other_errors_name_their_field(client, db):
    html = client.post("/updates/", {"email": "nobody", "consent": "on"}).content.decode()
    (sentence,) = missing(html)
    assert sentence.startswith("E-mail address: Enter an e-mail address")
