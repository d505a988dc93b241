"""How browsers of all kinds of visitors get to the pages of the gallery."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Response, Route

from tests.browser import open_context
from tests.gallery import Gallery, Place


class Tour:
    """Browsers of all visitors, each made when it is first needed."""

    def __init__(
        self,
        gallery: Gallery,
        browser: Browser,
        base_url: str,
        *,
        keeps_tab: bool = False,
        **options: object,
    ) -> None:
        self._gallery, self._browser = gallery, browser
        self._base_url, self._options = base_url, options
        self._keeps_tab = keeps_tab
        self._contexts: dict[str, BrowserContext] = {}
        self.complaints: list[str] = []
        # Everything that the page which was visited last has loaded, itself first.
        self.loaded: list[Response] = []

    def visit(self, place: Place) -> Page:
        """Return a page of the place's visitor, standing there; the one before is closed.

        In one and the same tab Chromium loads fonts again that only the page before has used; where
        that does not matter, a tour that ``keeps_tab`` is faster.
        """
        page = self._tab(self._context_of(place.visitor))
        if place.html:
            _serve(page, place)
        response = page.goto(place.address)
        if place.press:
            with page.expect_navigation() as navigation:
                page.locator("main, #content").get_by_role("button", name=place.press).first.click()
            response = navigation.value
        assert response is not None
        assert response.status == place.status, f"{place.name}: {response.status}"
        return page

    def _tab(self, context: BrowserContext) -> Page:
        if self._keeps_tab and context.pages:
            page = context.pages[0]
            page.unroute_all()
            return page
        for page in context.pages:
            page.close()
        page = context.new_page()
        page.on("response", self._note)
        return page

    def _context_of(self, visitor: str) -> BrowserContext:
        if visitor not in self._contexts:
            context = open_context(self._browser, self._base_url, self.complaints, **self._options)
            context.add_cookies(
                [
                    {"name": name, "value": value, "url": self._base_url}
                    for name, value in self._gallery.cookies[visitor].items()
                ]
            )
            self._contexts[visitor] = context
        return self._contexts[visitor]

    def _note(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.loaded.clear()
        self.loaded.append(response)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@contextmanager
def tour(gallery: Gallery, browser: Browser, base_url: str, **options: Any) -> Iterator[Tour]:
    """Open browsers with the options of Playwright's ``new_context``; close them at the end."""
    opened = Tour(gallery, browser, base_url, **options)
    try:
        yield opened
    finally:
        opened.close()


def _serve(page: Page, place: Place) -> None:
    headers = {"content-type": "text/html; charset=utf-8"}
    if not place.is_mail:
        answer = page.request.get("/livez")
        headers["content-security-policy"] = answer.headers["content-security-policy"]

    def answer_with_html(route: Route) -> None:
        route.fulfill(status=place.status, headers=headers, body=place.html)

    page.route(f"**{place.address}", answer_with_html)
