"""In which language a mail of one's own is marked, and how the desk says what it is written in."""

import dataclasses
import re

import pytest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation

from portal.accounts.mails import AccountMail, Kind
from portal.mail.accounts import plan_account_mail
from portal.mail.models import Mailing, Subscriber
from portal.mail.previews import find_preview
from portal.mail.services import plan_personal_mail
from portal.mail.trial import send_trial
from tests.factories import SubscriberFactory, UserFactory

from .planning import plan
from .test_mailing_pages import planned, spread, staff, words  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def german(settings):
    settings.LANGUAGES = [("en-gb", "English"), ("de", "German")]


def test_a_personal_mail_is_in_the_subscribers_language_unless_said_otherwise(german):
    reader = SubscriberFactory(language="de")
    mail = {"subscriber": reader, "subject": "Hello", "html": "<p>Hello</p>", "text": "Hello"}
    assert plan_personal_mail(key="a", **mail).mailing.language == "de"
    assert plan_personal_mail(key="b", language="en-gb", **mail).mailing.language == "en-gb"


def test_a_test_is_in_the_language_of_what_is_tested(german, rf: RequestFactory):
    SubscriberFactory()
    mailing = plan()
    preview = find_preview(rf.get("/"), "mailing", mailing.pk)
    delivery = send_trial(preview=dataclasses.replace(preview, language="de"), user=UserFactory())
    assert delivery.mailing.language == "de"


def test_an_account_mail_is_in_the_language_in_which_it_was_written(german):
    reader = SubscriberFactory(language="en-gb")
    mail = AccountMail(
        kind=next(iter(Kind)), pk=1, email=reader.email, subject="A", html="<p>A</p>", text="A"
    )
    with translation.override("de"):
        plan_account_mail(mail)
    assert Mailing.objects.get().language == "de"
    assert Subscriber.objects.get().language == "en-gb"
    # One that nobody has named is the subscriber's.
    with translation.override("fr"):
        plan_account_mail(mail)
    assert Mailing.objects.latest("pk").language == "en-gb"


def test_a_preview_says_in_which_language_subject_and_text_are(staff, german):  # noqa: F811
    mailing = planned(language="de", subject="Neuer Artikel")
    page = staff.get(reverse("admin:mail_mailing_preview", args=["mailing", mailing.pk])).text
    page = " ".join(page.split())
    assert '<dd lang="de" dir="auto"> Neuer Artikel' in page
    assert '<pre class="mail-text" lang="de" dir="auto"' in page


def test_a_size_is_written_as_the_language_writes_it(staff, german, settings):  # noqa: F811
    settings.LANGUAGE_CODE = "de"
    mailing = planned(language="en-gb")
    page = words(staff.get(reverse("admin:mail_mailing_preview", args=["mailing", mailing.pk])))
    assert re.findall(r"\S+ KB", page) == ["0,2 KB"]


@pytest.mark.parametrize(("sent", "said"), [(1, "1 message was sent"), (2, "2 messages were sent")])
def test_cancelling_counts_what_is_out(staff, sent, said):  # noqa: F811
    mailing = planned(3)
    spread(mailing, *["sent"] * sent)
    page = words(staff.get(reverse("admin:mail_mailing_cancel", args=[mailing.pk])))
    assert f"What is out is out: {said}." in page
