"""What stands in the mails, and how large they may become."""

import datetime
import re
from email import message_from_bytes
from email.policy import SMTP

import pytest
import time_machine
from django.utils import timezone

from articles.services import assess_relationship
from portal.core.models import SiteSettings
from portal.mail.message import ComposedMailing
from portal.mail.models import Delivery, Mailing
from portal.mail.previews import find_preview
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency
from portal.updates.rendering import mailed_article
from portal.updates.streams import ARTICLE_UPDATES
from tests.factories import (
    AgreementFactory,
    DisclosureFactory,
    PublishableArticleFactory,
    SubscriberFactory,
    publish,
    published_article,
    sign_by,
)

pytestmark = pytest.mark.django_db

LARGEST = 100_000  # bytes


def with_key_learning(body, **fields):
    article = PublishableArticleFactory(**fields)
    article.sections.create(position=3, kind="key_learning", body=body)
    publish(article)
    return Mailing.objects.latest("pk")


def message_of(mailing):
    delivery = mailing.deliveries.select_related("subscriber").first()
    return ComposedMailing(mailing, ARTICLE_UPDATES).for_delivery(delivery)


def test_key_learning_is_told_as_written_and_cites_nothing():
    SubscriberFactory()
    mailing = with_key_learning(
        "<ul><li>Count above 10<sup>9</sup>/l [@halpern] &amp; more</li>"
        "<li><p>H<sub>2</sub>O</p></li><li>p<sub>adj</sub></li></ul><p>The end.</p>"
    )
    assert "10<sup>9</sup>/l &amp; more</li>" in re.sub(r' style="[^"]*"', "", mailing.html)
    assert (
        "Key learning:\n\n- Count above 10⁹/l & more\n- H₂O\n- p_(adj)\n- The end.\n"
    ) in mailing.text
    # The numbers behind it are for whoever has made the declaration.
    assert "Numbers." not in mailing.html + mailing.text
    assert "Numbers." not in mailing.text


def test_support_stands_before_the_content():
    SubscriberFactory()
    article = PublishableArticleFactory(summary="The summary.")
    article.supported_by.add(AgreementFactory(is_site_wide=False, funder__name="Helvion AG"))
    publish(article)
    mailing = Mailing.objects.get()
    for content in (mailing.html, mailing.text):
        places = [content.index(one) for one in ("[[funding]]", "Helvion AG", "The summary.")]
        assert places == sorted(places)


def declaring(article, *companies):
    """Let the author of ``article`` be paid by ``companies``, which is judged not to matter."""
    person = sign_by(article, has_none=False)
    for company in companies:
        relationship = person.disclosures.get().relationships.create(
            company=company, nature="honoraria"
        )
        assess_relationship(
            article=article,
            relationship=relationship,
            user=None,
            is_relevant=False,
            reason="Another field.",
        )
    return person


def test_what_the_authors_declared_stands_before_the_content():
    SubscriberFactory()
    article = PublishableArticleFactory(summary="The summary.")
    person = declaring(article, "Helvion AG [[view_url]]")
    publish(article)
    mailing = Mailing.objects.get()
    where = f"http://testserver/articles/{article.slug}/disclosures/"
    for content in (mailing.html, mailing.text):
        words = " ".join(content.split())
        declared = (
            "Competing interests: 1 of 1 people in control of this article declared a "
            f"relationship. {person.name}: Helvion AG [ [view_url]] (honoraria)."
        )
        places = [words.index(one) for one in (declared, where, "The summary.")]
        assert places == sorted(places)


def test_that_nobody_declared_anything_is_said_too():
    SubscriberFactory()
    published_article(summary="The summary.")
    mailing = Mailing.objects.get()
    for content in (mailing.html, mailing.text):
        words = " ".join(content.split())
        assert words.index("Competing interests: None declared.") < words.index("The summary.")


def test_what_they_declared_is_what_the_version_recorded():
    SubscriberFactory()
    article = PublishableArticleFactory()
    person = declaring(article, "Helvion AG")
    version = publish(article)
    again = DisclosureFactory(person=person, has_none=False)
    again.relationships.create(company="Later Ltd", nature="equity")
    told = mailed_article(article, version).interests
    assert "Helvion AG" in told
    assert "Later Ltd" not in told


def test_a_digest_says_of_each_article_how_many_declared_something():
    daily = SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=daily, frequency="daily")
    article = PublishableArticleFactory(summary="The summary.")
    declaring(article, "Helvion AG")
    publish(article)
    published_article(summary="Another summary.")
    noon = datetime.datetime.combine(
        timezone.now().date() + datetime.timedelta(days=1), datetime.time(12), datetime.UTC
    )
    with time_machine.travel(noon):
        assert plan_due_digests() == 1
    mailing = Mailing.objects.get(key__startswith="digest:")
    for content in (mailing.html, mailing.text):
        words = " ".join(content.split())
        order = (
            "Competing interests: None declared.",
            "Another summary.",
            "Competing interests: 1 of 1 people in control of this article declared",
            "The summary.",
        )
        places = [words.index(one) for one in order]
        assert places == sorted(places)


def test_what_editors_type_is_no_gap():
    SubscriberFactory()
    mailing = with_key_learning(
        "<p>[[unsubscribe_url]] [@halpern]</p>", title="[[view_url]]", summary="[[preferences_url]]"
    )
    for content in (mailing.html, mailing.text):
        for name in ("unsubscribe_url", "preferences_url", "view_url"):
            assert content.count(f"[[{name}]]") == 1


def test_what_is_no_gap_in_html_is_none_in_the_text():
    SubscriberFactory()
    mailing = with_key_learning(
        "<p>[<strong>[</strong>unsubscribe_url]] [@halpern]</p>"
        "<p>[<sup>a</sup><sub></sub>[view_url]] &#91;&#91;preferences_url]]</p>"
    )
    for name in ("unsubscribe_url", "preferences_url", "view_url"):
        assert mailing.text.count(f"[[{name}]]") == 1


def enormous(**fields):
    """Return an article with as much of everything as a form takes, and more."""
    article = PublishableArticleFactory(
        **{"title": "Ü" * 250, "summary": "Zusammenfassung für Ärzte. " * 1_000} | fields
    )
    for number in range(30):
        article.objectives.create(position=number + 2, text=f"Interpret é{number} " + "ö" * 280)
    declaring(article, *(f"{number} {'Ü' * 190}" for number in range(9)))
    points = "".join(f"<li>Überleben <strong>{number}</strong> ü</li>" for number in range(3_000))
    article.sections.create(
        position=3, kind="key_learning", body=f"<ul>{points}</ul><p>[@halpern]</p>"
    )
    publish(article)
    return article


def test_the_largest_article_makes_a_small_mail():
    SubscriberFactory()
    enormous()
    message = message_of(Mailing.objects.get())
    assert len(message) < LARGEST
    text, html = (
        part.get_content() for part in message_from_bytes(message, policy=SMTP).iter_parts()
    )
    for content in (text, html):
        assert "/updates/unsubscribe/" in content
    # What was cut off is closed again.
    assert html.count("<ul") == html.count("</ul>") == 2
    assert html.count("<strong") == html.count("</strong>")


def test_the_largest_digest_makes_a_small_mail():
    subscriber = SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    for number in range(25):
        published_article(title=f"{number} {'Ü' * 240}", summary="Für Ärzte und Übende. " * 100)
    noon = datetime.datetime.combine(
        timezone.now().date() + datetime.timedelta(days=1), datetime.time(12), datetime.UTC
    )
    with time_machine.travel(noon):
        assert plan_due_digests() == 1
        mailing = Mailing.objects.get(key__startswith="digest:")
        message = message_of(mailing)
    # Twenty, or what fits of them.
    assert 15 < mailing.text.count("/articles/") <= 20
    assert len(message) < LARGEST


def test_a_digest_in_a_script_of_many_bytes_has_fewer_articles_and_loses_none(clock):
    subscriber = SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    for number in range(20):
        published_article(
            title=f"{number}: {'濾胞性リンパ腫の治療' * 4}", summary="日本語の要約です。" * 100
        )
    told = []
    for day in (1, 2):
        clock.shift(datetime.timedelta(days=1))
        assert plan_due_digests() == 1, day
        mailing = Mailing.objects.filter(key__startswith="digest:").latest("pk")
        assert len(message_of(mailing)) < LARGEST
        told.append(re.findall(r"^(\d+): 濾", mailing.text, re.MULTILINE))
    first, second = told
    assert 8 < len(first) < 20
    assert sorted(map(int, first + second)) == list(range(20))


def test_the_desk_counts_the_bytes_that_are_sent(rf):
    SubscriberFactory()
    mailing = with_key_learning(f"<p>{'要点' * 500}[@halpern]</p>")
    preview = find_preview(rf.get("/"), "mailing", mailing.pk)
    assert abs(preview.size - len(message_of(mailing))) < 3_000


def test_the_largest_notice_makes_a_small_mail():
    SubscriberFactory()
    article = enormous()
    now = timezone.now()
    Delivery.objects.update(state="sent", attempts=1, started_at=now, finished_at=now)
    publish(article, kind="correction", notice="Es hieß früher übel. " * 2_000)
    assert len(message_of(Mailing.objects.latest("pk"))) < LARGEST


def test_every_mail_is_fit_for_mail_programs_and_says_who_sends_it():
    SiteSettings.objects.create(
        name="The Hub", publisher_name="Publisher Ltd", postal_address="1 Street\nTown"
    )
    daily, at_once = SubscriberFactory(), SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=daily, frequency="daily")
    article = published_article(is_demo=True)
    now = timezone.now()
    at_once.deliveries.update(state="sent", attempts=1, started_at=now, finished_at=now)
    publish(article, kind="correction", notice="It was wrong.")
    noon = datetime.datetime.combine(
        now.date() + datetime.timedelta(days=1), datetime.time(12), datetime.UTC
    )
    with time_machine.travel(noon):
        plan_due_digests()
    kinds = {mailing.key.split(":")[0]: mailing for mailing in Mailing.objects.all()}
    assert set(kinds) == {"article", "correction", "digest"}
    for mailing in kinds.values():
        html, text = mailing.html, mailing.text
        assert '<html lang="en-gb" dir="ltr">' in html
        assert html.count("<h1") == 1
        assert "prefers-color-scheme: dark" in html
        assert '<meta name="color-scheme" content="light dark">' in html
        tables = re.findall(r"<table[^>]*>", html)
        assert tables
        assert all('role="presentation"' in table for table in tables)
        assert re.search(r'<h1 style="[^"]*font-size: 26px', html)
        for forbidden in ("<img", "<script", "<link", "src=", "@import", "url(", "<form"):
            assert forbidden not in html
        for content in (html, text):
            assert "emonstration content" in content
            assert "Publisher Ltd" in content
            assert "1 Street\nTown" in content
            assert "because you subscribed to updates from The Hub" in content
            for gap in ("funding", "unsubscribe_url", "preferences_url", "view_url"):
                assert content.count(f"[[{gap}]]") == 1
        # Nothing in an address says who follows it.
        for address in re.findall(r'href="(http[^"]*)"', html):
            assert re.fullmatch(r"http://testserver/(articles/[\w-]+/(disclosures/)?)?", address)
        assert "\n\n\n\n" not in text
