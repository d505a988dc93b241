"""What axe-core says against a page."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, only: list[str] = STANDARDS) -> list[str]:
    """Return a line for each element that breaks a rule: the rule, where, the HTML.

    WCAG 2.0 to 2.2, A and AA, with ``target-size`` (off by default) and axe's best practices, or
    ``only`` these of them, each the name of a rule or of a standard.
    """
    options: dict[str, object] = {
        "resultTypes": ["violations"],
        "runOnly": only,
        "rules": {"target-size": {"enabled": True}},
        # Of no rule that we run, and Django's "@import" would make axe write <style> elements.
        "preload": False,
    }
    # The package's own Axe.run() injects the script each time and fetches all that axe has seen.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return [
        f"{result['id']}: {node['target']} {node['html'][:160]}"
        for result in page.evaluate("options => axe.run(options).then(x => x.violations)", options)
        for node in result["nodes"]
    ]
