"""Chromium as the tests and the screenshots start it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, sync_playwright

# Chromium refuses to run as root inside its sandbox; the rest keeps it off the network, and
# lets a machine without a graphics processor draw the same letters everywhere.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One process for all pages: making one for each costs more than showing the page.
    "--renderer-process-limit=1",
    "--font-render-hinting=none",
    "--disable-lcd-text",
]


@contextmanager
def chromium(program: Path) -> Iterator[Browser]:
    """Start the browser ``program`` and stop it at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=ARGUMENTS)
        yield browser
        browser.close()


def open_context(
    browser: Browser, base_url: str, complaints: list[str], **options: object
) -> BrowserContext:
    """Return the browser of a new visitor; ``options`` are those of Playwright's ``new_context``.

    What violates the Content Security Policy or throws an error is added to ``complaints``.
    """

    def listen(message: ConsoleMessage) -> None:
        # A status of 400 or above is logged as an error, too, and may be what the test wants.
        if message.type == "error" and "status of" not in message.text:
            complaints.append(f"{message.page.url if message.page else ''}: {message.text}")

    def object_to(error: Error) -> None:
        complaints.append(str(error))

    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | options
    context = browser.new_context(base_url=base_url, **options)
    context.set_default_timeout(15_000)
    context.on("console", listen)
    context.on("weberror", lambda error: object_to(error.error))
    return context
