"""The buttons that only a script can make work."""

import pytest

from tests.factories import published_article

pytestmark = pytest.mark.django_db(transaction=True)


def open_article(page, article):
    page.goto(f"/healthcare-professionals/?next={article.get_absolute_url()}")
    page.check("[name=is_healthcare_professional]")
    page.locator("form:has([name=is_healthcare_professional]) button").click()
    page.wait_for_url(f"**{article.get_absolute_url()}")


def test_copy_and_print_work_with_javascript(open_page, live_server):
    article = published_article()
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    open_article(page, article)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{live_server.url}{article.get_absolute_url()}"
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.get_by_role("button", name="Print").click()
    assert page.title() == "printed"


def test_without_javascript_they_are_not_there_and_links_are(open_page):
    page = open_page(java_script_enabled=False)
    open_article(page, published_article())
    assert not page.get_by_text("Copy link").is_visible()
    assert not page.get_by_text("Print", exact=True).is_visible()
    hrefs = [link.get_attribute("href") for link in page.locator(".share a").all()]
    assert [href.split("?")[0] for href in hrefs] == [
        "mailto:",
        "https://www.linkedin.com/sharing/share-offsite/",
        "https://x.com/intent/post",
    ]
