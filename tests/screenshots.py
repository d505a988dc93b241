"""Pictures of every page: ``make screenshots``.

Starts what it needs (PostgreSQL, Redis, a server with the demo, Chromium) and writes
``var/screenshots/<page>-<width>-<scheme>.png`` for three widths, light and dark, and the
pictures of the documentation into ``docs/screenshots/``. The clock stands at the demo's January,
so that a picture changes only with what it shows.

    python -m tests.screenshots                   everything
    python -m tests.screenshots 320 dark desk     this width, this scheme, pages named desk…
"""
# ruff: noqa: T201 - a command speaks through print

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import time_machine
from PIL import Image
from playwright.sync_api import Page

from portal.core.local.chromium import find_chromium
from tests import services
from tests.browser import chromium

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "var" / "screenshots"
DOCUMENTATION = ROOT / "docs" / "screenshots"
NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
WIDTHS = (320, 768, 1280)
SCHEMES = ("light", "dark")
# Fonts and figures, also those far below the window.
READY = """async () => {
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
    await document.fonts.ready;
}"""
# Two references that are really there, and a line that is none.
REFERENCES = """\
TY  - JOUR
AU  - Cheson, B D
AU  - Fisher, R I
AU  - Barrington, S F
TI  - Recommendations for initial evaluation, staging, and response assessment of Hodgkin and non-Hodgkin lymphoma: the Lugano classification
JO  - J Clin Oncol
PY  - 2014
VL  - 32
IS  - 27
SP  - 3059
EP  - 3068
ER  -
TY  - JOUR
AU  - Spruance, S L
AU  - Reid, J E
AU  - Grace, M
AU  - Samore, M
TI  - Hazard ratio in clinical trials
JO  - Antimicrob Agents Chemother
PY  - 2004
VL  - 48
IS  - 8
SP  - 2787
EP  - 2792
ER  -
see also the registry's own report
"""  # noqa: E501 - a title is one line


def _read_references(page: Page) -> None:
    page.locator("textarea").fill(REFERENCES)
    page.get_by_role("button", name="Read").click()


# Place → what somebody does there, and the name of the picture that shows what comes of it.
STEPS = {"desk-import": ("desk-import-read", _read_references)}
# Picture → file in docs/screenshots/ and the last thing in the picture: it ends where that does.
DOCUMENTED = {
    "home": ("home.png", ".card-list > li"),
    "article": ("article.png", ".key-data ul"),
    "survey": ("survey.png", "fieldset.scale >> nth=2"),
    "desk-article-results": ("results.png", ".statement--axis"),
    "desk-article-draft": ("editors-checklist.png", ".field-summary"),
    "desk-import-read": ("editors-import.png", ".import-problems"),
    "desk-approve": ("editors-approve.png", "#content form"),
    "desk-compare": ("editors-compare.png", "#content"),
}
END = "element => Math.floor(element.getBoundingClientRect().bottom + scrollY)"
# Of each there are few colours, and a README should not take long to load.
COLOURS = 64


@contextmanager
def portal() -> Iterator[str]:
    """Serve an empty portal in this process, with its clock at ``NOW``; yield its address."""
    try:
        # Always a database of our own: the demo must not come into one that somebody uses.
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        services.start_services()
        services.prepare_environment()
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["LOG_LEVEL"] = "ERROR"
        with time_machine.travel(NOW, tick=True):
            yield from _serve()
    finally:
        services.services.close()


def _serve() -> Iterator[str]:
    import django
    from django.conf import settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.test.testcases import LiveServerThread
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment(debug=False)
    call_command("migrate", verbosity=0)
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    settings.SITE_URL = f"http://127.0.0.1:{server.port}"
    try:
        yield settings.SITE_URL
    finally:
        server.terminate()


def main(wanted: list[str]) -> int:
    widths = [width for width in WIDTHS if str(width) in wanted] or WIDTHS
    schemes = [scheme for scheme in SCHEMES if scheme in wanted] or SCHEMES
    names = tuple(name for name in wanted if name not in {*map(str, WIDTHS), *SCHEMES})
    program = find_chromium()
    if program is None:
        print("screenshots: install the package chromium first", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    DOCUMENTATION.mkdir(parents=True, exist_ok=True)
    with portal() as address, chromium(program) as browser:
        from tests.gallery import load_gallery
        from tests.tour import tour

        gallery = load_gallery()
        _revise_a_draft()
        places = [place for place in gallery.places if not names or place.name.startswith(names)]
        for width in widths:
            for scheme in schemes:
                print(f"screenshots: {len(places)} pages, {width} px, {scheme}", flush=True)
                options: dict[str, Any] = {
                    "viewport": {"width": width, "height": 900},
                    "color_scheme": scheme,
                    "reduced_motion": "reduce",
                }
                with tour(gallery, browser, address, **options) as opened:
                    for place in places:
                        _take(opened, place, f"{width}-{scheme}")
    print(f"screenshots: in {PICTURES.relative_to(ROOT)}")
    return 0


def _take(tour: Any, place: Any, which: str) -> None:
    page = tour.visit(place)
    _picture(page, place.name, which)
    if place.name in STEPS:
        name, step = STEPS[place.name]
        step(page)
        _picture(page, name, which)


def _picture(page: Page, name: str, which: str) -> None:
    page.evaluate(READY)
    page.screenshot(path=PICTURES / f"{name}-{which}.png", full_page=True, caret="hide")
    if which == "1280-light" and name in DOCUMENTED:
        _document(page, *DOCUMENTED[name])


def _revise_a_draft() -> None:
    """Change a draft that has been published, so that there is something to compare."""
    from articles.models import Article
    from articles.services import record_edit
    from portal.accounts.models import User
    from portal.demo.users import EDITOR
    from tests.gallery import CORRECTED

    article = Article.objects.get(slug=CORRECTED)
    article.summary = article.summary.replace("the same table", "one made-up table")
    article.save()
    section = article.sections.get(heading="Three cautions")
    section.body = section.body.replace(
        "may put the better drug last", "may rank the better drug last"
    ).replace("It is then kinder to everybody to report", "Report")
    section.save()
    record_edit(article=article, user=User.objects.get(email=EDITOR.email))


def _document(page: Page, name: str, last: str) -> None:
    """Write the page's picture, down to the end of ``last``, in few colours."""
    for answer in page.locator("fieldset.scale input[value='4']").all()[:1]:
        answer.check()
    page.evaluate("scrollTo(0, 0)")
    height = page.locator(last).first.evaluate(END)
    picture = page.screenshot(
        clip={"x": 0, "y": 0, "width": 1280, "height": height},
        full_page=True,
        caret="hide",
    )
    with Image.open(BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
    few.save(DOCUMENTATION / name, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
