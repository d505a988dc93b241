"""A reader's way from the home page to an update by e-mail, with and without JavaScript."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from playwright.sync_api import Page, expect

from articles.models import Article
from articles.typography import typeset
from feedback.models import Response
from portal.attestation.models import Attestation
from portal.core.models import SiteSettings
from portal.demo.reading import read_site
from portal.mail.models import Delivery
from tests.factories import UserFactory, publish, published_article
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

STATEMENTS = (
    "The content was clear and easy to understand",
    "The content addressed the learning objectives",
    "The content was relevant to my practice",
    "I will change my clinical practice as a result of this content",
)
BODY_ONLY = "13.2 months"


@pytest.fixture
def article(live_server) -> Article:
    call_command("load_demo", verbosity=0)
    return Article.objects.published().get(title__icontains="CAR T")


def declare(page: Page) -> None:
    page.get_by_role("checkbox", name=re.compile("healthcare professional")).check()
    page.get_by_role("button", name="Continue").click()


def answer(page: Page, statement: str, level: str) -> None:
    group = page.get_by_role("group", name=statement)
    group.get_by_role("radio", name=level, exact=True).check()


@pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
def test_from_the_home_page_to_the_thank_you(open_page, article, has_javascript):
    page = open_page(java_script_enabled=has_javascript)

    # 1. Home: what this is, the latest articles, topics, search, who pays.
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", name="Latest articles")).to_be_visible()
    expect(page.get_by_role("heading", name="Topics")).to_be_visible()
    expect(page.get_by_role("searchbox").first).to_be_visible()
    expect(page.get_by_text("is an independent medical education platform").first).to_be_visible()

    # 2. The teaser, whose HTML holds nothing of the body, and the gate.
    page.goto(article.get_absolute_url())
    expect(page.get_by_role("heading", level=1)).to_have_text(typeset(article.title))
    # Beside the margin column, the sentence has the room of a text.
    assert page.locator(".funding-line").evaluate(
        "line => line.clientWidth - parseFloat(getComputedStyle(line).paddingInlineStart) > 400"
    )
    expect(page.get_by_text("people in control of this article declared")).to_be_visible()
    page.get_by_text("people in control of this article declared").click()
    expect(page.get_by_text("Competing interests of Dr Ada Exemplar:")).to_be_visible()
    assert BODY_ONLY not in page.content()
    page.get_by_role("link", name="Continue to the declaration").click()
    box = page.get_by_role("checkbox", name=re.compile("healthcare professional"))
    expect(box).not_to_be_checked()
    way_out = page.get_by_role("link", name="I am not a healthcare professional")
    way_in = page.get_by_role("button", name="Continue")
    heights = [locator.bounding_box()["height"] for locator in (way_in, way_out)]
    assert abs(heights[0] - heights[1]) <= 2
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Tick the declaration").first).to_be_visible()
    assert not Attestation.objects.exists()
    page.get_by_label("Profession (optional)").select_option("nurse")
    declare(page)

    # 3. The same address shows the whole article.
    assert page.url.endswith(article.get_absolute_url())
    expect(page.get_by_text(BODY_ONLY).first).to_be_visible()
    for heading in ("Learning objectives", "Key data", "Key learning", "References"):
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    expect(page.get_by_role("link", name="LinkedIn")).to_have_attribute(
        "href", re.compile(r"^https://www\.linkedin\.com/")
    )
    expect(page.get_by_role("button", name="Print")).to_have_count(1 if has_javascript else 0)
    attestation = Attestation.objects.select_related("reader").get()
    assert attestation.reader.profession == "nurse"

    # 4. A citation leads to its reference.
    page.locator(".citation a").first.click()
    if not has_javascript:
        assert "#ref-" in page.url

    # 5. The survey: something is missing, then saved, then changed.
    for statement in STATEMENTS[:3]:
        answer(page, statement, "Agree")
    page.get_by_role("button", name="Send feedback").click()
    expect(page.locator(".error-summary")).to_be_visible()
    assert not Response.objects.filter(reader=attestation.reader).exists()
    expect(
        page.get_by_role("group", name=STATEMENTS[0]).get_by_role("radio", name="Agree", exact=True)
    ).to_be_checked()
    answer(page, STATEMENTS[3], "Neither agree nor disagree")
    page.get_by_role("button", name="Send feedback").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your feedback")
    expect(page.get_by_text("Neither agree nor disagree")).to_be_visible()
    page.get_by_role("link", name="Change my answers").click()
    answer(page, STATEMENTS[3], "Strongly agree")
    page.get_by_role("button", name=re.compile("feedback|Save", re.IGNORECASE)).click()
    expect(page.get_by_text("Strongly agree")).to_be_visible()
    response = Response.objects.get(reader=attestation.reader)
    assert (response.levels, response.history.count()) == ([4, 4, 4, 5], 1)

    # The way to the funders.
    page.get_by_role("link", name="View funders").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.url.endswith("/funders/")


def test_patients_find_out_and_readers_search_and_sign_in_with_and_without_javascript(open_page):
    SiteSettings.objects.create(**read_site()["settings"])
    article = published_article(title="Late failure after CAR T-cell therapy")
    user = UserFactory(email="reader@hospital.example")
    user.set_password("gate-lamp-orchard")
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    for has_javascript in (True, False):
        page = open_page(java_script_enabled=has_javascript)
        page.goto(article.get_absolute_url())
        page.get_by_role("link", name="I am not a healthcare professional").click()
        link = page.get_by_role("link", name=re.compile("Lymphoma Coalition"))
        expect(link.first).to_have_attribute("href", "https://lymphomacoalition.org/")
        assert not Attestation.objects.exists()

        page.goto("/")
        page.get_by_role("searchbox").first.fill("late failure")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "1 article matches “late failure”"
        )
        page.get_by_role("link", name=typeset(article.title)).click()
        assert page.url.endswith(article.get_absolute_url())

        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("E-mail address").fill(user.email)
        page.get_by_label("Password").fill("gate-lamp-orchard")
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
def test_from_subscribing_to_unsubscribing(
    open_page, article, smtp_sink, celery_worker, live_server, has_javascript
):
    page = open_page(java_script_enabled=has_javascript)
    page.goto("/updates/")
    page.get_by_label(re.compile("mail", re.IGNORECASE)).first.fill("reader@hospital.example")
    page.get_by_role("checkbox", name=re.compile("e-mail")).check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    wait_until(lambda: len(smtp_sink.received) == 1, what="the confirmation mail")
    link = re.search(r"http\S+/updates/confirm/\S+", smtp_sink.received[0].text).group()
    page.goto(link)
    page.get_by_role("button", name="Yes, send me updates").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")

    draft = Article.objects.create(
        title="A new article",
        slug="a-new-article",
        summary="What is new, in one paragraph.",
        ai_statement=article.ai_statement,
    )
    copy_parts(article, draft)
    publish(draft)
    wait_until(lambda: len(smtp_sink.received) == 2, what="the update")
    mail = smtp_sink.received[1]
    assert mail.recipients == ["reader@hospital.example"]
    assert "A new article" in mail.text
    assert BODY_ONLY not in mail.text + mail.html
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    unsubscribe = re.search(r"<(http[^>]+)>", mail.message["List-Unsubscribe"]).group(1)
    page.goto(unsubscribe)
    page.get_by_role("button", name=re.compile("Unsubscribe", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    another = Article.objects.create(
        title="Another article",
        slug="another-article",
        summary="What else is new.",
        ai_statement=article.ai_statement,
    )
    copy_parts(article, another)
    publish(another)
    states = Delivery.objects.filter(mailing__key=f"article:{another.pk}")
    assert not states.exclude(state="skipped").exists()
    assert len(smtp_sink.received) == 2


def copy_parts(source: Article, target: Article) -> None:
    """Give ``target`` the rows of ``source``, enough to be published."""
    target.topics.set(source.topics.all())
    for rows in ("article_authors", "objectives", "sections", "references"):
        for row in getattr(source, rows).all():
            row.pk, row.article = None, target
            row._state.adding = True
            row.save()
    for assessment in source.relevance_assessments.all():
        assessment.pk, assessment.article = None, target
        assessment._state.adding = True
        assessment.save()
