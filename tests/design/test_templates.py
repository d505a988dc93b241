"""No template holds what the content security policy refuses, and every page has a title."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR, "templates")
ALL = sorted(TEMPLATES.rglob("*.html"))
# A mail reader knows no style sheet but the one inside the mail (inlined when it is sent).
PAGES = [path for path in ALL if path.relative_to(TEMPLATES).parts[0] != "email"]
SITE_PAGES = [
    path
    for path in PAGES
    if "{% extends" in path.read_text()
    and path.relative_to(TEMPLATES).parts[0] not in {"admin", "allauth", "registration"}
    and not path.name.startswith("_")
]
SAFE = {"core/page.html"}  # sanitised whenever a page is saved


def name_of(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


def markup(path: Path) -> str:
    return re.sub(
        r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(), flags=re.DOTALL
    )


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_nothing_is_inline(path):
    html = markup(path)
    assert re.findall(r"\sstyle\s*=", html) == []
    assert "<style" not in html
    assert re.findall(r"\son[a-z]+\s*=", html) == []
    assert "javascript:" not in html
    scripts = re.findall(r"<script\b[^>]*>", html)
    assert [tag for tag in scripts if " src=" not in tag and "application/ld+json" not in tag] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_nothing_comes_from_elsewhere(path):
    assert (
        re.findall(r"<(?:script|img|iframe|link|source)\b[^>]*(?:src|href)=\"https?:", markup(path))
        == []
    )


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_only_sanitised_html_is_marked_safe(path):
    is_marked = "|safe" in markup(path) or "autoescape off" in markup(path)
    assert is_marked == (name_of(path) in SAFE)


def blocks_of(path: Path) -> str:
    """The template's own markup and that of the templates that it extends, up to the frame."""
    html = markup(path)
    parent = re.search(r'{% extends "([^"]+)" %}', html)
    if parent and parent[1] not in {"base.html", "_standalone.html", "allauth/layouts/base.html"}:
        own = TEMPLATES / parent[1]
        return html + (blocks_of(own) if own.exists() else "")
    return html


@pytest.mark.parametrize("path", SITE_PAGES, ids=name_of)
def test_page_names_itself_and_has_one_heading(path):
    html = blocks_of(path)
    title = re.search(r"{% block (?:head_)?title %}(.+?){% endblock", html, flags=re.DOTALL)
    assert title
    assert title[1].strip()
    assert len(re.findall(r"<h1\b|{% element h1 %}", html)) <= 1


@pytest.mark.parametrize("path", SITE_PAGES, ids=name_of)
def test_page_with_a_form_says_error_in_its_title(path):
    html = blocks_of(path)
    if "_error_summary.html" in html and "allauth" not in html and "account/" not in html:
        title = re.search(r"{% block title %}(.+?){% endblock", html, flags=re.DOTALL)
        assert title
        assert '{% translate "Error:" %}' in title[1]
