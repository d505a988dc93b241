"""A figure in a real browser: from the editor's upload to the reader's page."""

import re
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from articles.models import Section
from tests.factories import PublishableArticleFactory, UserFactory, add_figure, image_file, publish

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, user) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.goto("/patients/")
    page.context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "url": urljoin(page.url, "/")}]
    )


def shown_width(image: Locator) -> int:
    """How wide the image is that the browser has chosen and drawn; 0: none."""
    image.scroll_into_view_if_needed()
    image.evaluate("image => image.decode()")
    return image.evaluate("image => image.naturalWidth")


def test_an_editor_uploads_a_figure_and_sees_it(open_page):
    article = PublishableArticleFactory()
    page = open_page()
    sign_in(page, UserFactory(group="Editors"))
    page.goto(f"/admin/articles/article/{article.pk}/change/")
    fields = page.locator(".figure-fields:visible")
    expect(fields).to_have_count(0)  # both sections are text
    page.get_by_role("button", name=re.compile("Add another section", re.IGNORECASE)).click()
    expect(fields).to_have_count(0)
    page.locator("#id_sections-2-kind").select_option("figure")
    expect(fields).to_have_count(1)
    page.locator("#id_sections-2-position").fill("3")
    page.locator("#sections-2 [contenteditable=true]").click()
    page.keyboard.type("What one sees.")
    upload = image_file()
    given = {"name": "../plot.svg", "mimeType": "image/svg+xml", "buffer": upload.read()}
    page.locator("#id_sections-2-image").set_input_files(given)
    save = page.get_by_role("button", name="Save and continue editing").first
    save.click()
    # The description is missing: said at its field, which stays in sight.
    expect(page.locator("#sections-2 .errorlist").first).to_have_text(
        "Describe what the figure shows, or mark it as decorative."
    )
    page.locator("#id_sections-2-alt").fill("It falls.")
    page.locator("#id_sections-2-image").set_input_files(given)
    save.click()
    expect(page.locator(".figure-thumbnail")).to_be_visible()
    assert shown_width(page.locator(".figure-thumbnail")) == 240
    page.goto(f"/admin/articles/article/{article.pk}/preview/")
    assert shown_width(page.get_by_role("img", name="It falls.")) > 0
    assert Section.objects.get(kind="figure").image_width == 800


@pytest.mark.parametrize("java_script", [True, False])
@pytest.mark.parametrize(("width", "chosen"), [(320, 480), (1280, 720)])
def test_a_reader_sees_the_figure_in_a_width_that_fits(open_page, java_script, width, chosen):
    article = PublishableArticleFactory()
    add_figure(article, image=image_file(size=(1440, 900)))
    publish(article)
    page = open_page(java_script_enabled=java_script, viewport={"width": width, "height": 700})
    page.goto("/healthcare-professionals/")
    page.locator("#id_is_healthcare_professional").check()
    page.get_by_role("button", name="Continue").click()
    image = page.get_by_role("img", name="It falls.")
    # Loaded lazily, where the browser does so: when the figure comes near.
    with page.expect_response(lambda response: "/media/" in response.url) as response:
        page.goto(article.get_absolute_url())
        image.scroll_into_view_if_needed()
    assert response.value.headers["content-type"] == "image/avif"
    assert response.value.url.endswith(f"/{chosen}w.avif")
    box = image.bounding_box()
    assert box["width"] <= width - 32
    assert box["height"] == pytest.approx(box["width"] * 900 / 1440, abs=2)
    with page.expect_response(lambda response: response.url.endswith(".png")) as original:
        page.get_by_role("link", name="Full size of figure 1").click()
    assert original.value.status == 200
