"""An editor imports references in a real browser, also without JavaScript."""

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from articles.models import Reference
from tests.articles.reference_server import reference_server
from tests.axe import violations
from tests.factories import PublishableArticleFactory, ReferenceFactory, UserFactory

from .test_figures import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PASTED = "10.5555/fictitious.1\n10.5555/retracted\n10.5555/chapter\nno identifier at all\n"


@pytest.fixture
def online(settings):
    with reference_server() as server:
        settings.CROSSREF_URL = settings.NCBI_URL = server.url
        yield


def read(page: Page, article) -> None:
    sign_in(page, UserFactory(group="Editors"))
    page.goto(f"/admin/articles/article/{article.pk}/change/")
    page.get_by_role("link", name="Import references…").click()
    page.get_by_label("DOIs, PMIDs, or the text of a file").fill(PASTED)
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_role("heading", name="What was read")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_what_was_read_can_be_used_by_everybody(open_page, online, width, scheme):
    article = PublishableArticleFactory()
    ReferenceFactory(article=article, key="mine", csl={"title": "T", "DOI": "10.5555/chapter"})
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    read(page, article)
    assert page.evaluate(SIDEWAYS) <= 0
    assert violations(page) == []
    page.screenshot(
        path=django_settings.BASE_DIR / "var" / f"reference-import-{width}-{scheme}.png",
        full_page=True,
    )


@pytest.mark.parametrize("has_script", [True, False])
def test_an_editor_imports_what_was_read(open_page, online, has_script):
    article = PublishableArticleFactory()
    page = open_page(java_script_enabled=has_script)
    read(page, article)
    page.get_by_role("checkbox", name="Exemplar A. A fictitious chapter").uncheck()
    page.get_by_role("button", name="Import the chosen references").click()
    expect(page.get_by_text("2 references are imported.")).to_be_visible()
    assert page.url.endswith(f"/admin/articles/article/{article.pk}/change/#references-group")
    keys = Reference.objects.order_by("pk").values_list("key", flat=True)
    assert list(keys) == ["halpern", "exemplar2025", "exemplar2025a"]
