"""What holds the style sheets and scripts to their house rules and budgets."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR, "static")
STYLE_SHEETS = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
FONTS = STATIC / "vendor" / "source-sans-3"
KB = 1024

# What each page loads (_assets.html, base.html, articles/article.html).
SITE_CSS = re.findall(
    r"css/(\w+)\.css", (Path(settings.BASE_DIR, "templates/_assets.html")).read_text()
)
EVERY_PAGE_JS = ["error_summary", "menu"]
EDITOR_JS = ["paste_from_word", "rich_text_editor", "special_characters"]

PHYSICAL = re.compile(
    r"(?<![\w-])(?:"
    r"((margin|padding|border)-)?(left|right|top|bottom)\s*:|((min|max)-)?(width|height)\s*:|"
    r"(float|clear|text-align):\s*(left|right)\b)"
)
RAW_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|(?<![\w-])(rgb|hsl|oklch)\(")


def rules(path: Path) -> str:
    """The style sheet without comments, conditions of media queries and addresses of fonts."""
    css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r"@(media|container)[^{]+|url\([^)]*\)", "", css)


def zipped(paths: list[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


@pytest.mark.parametrize("path", STYLE_SHEETS, ids=lambda path: path.name)
def test_only_logical_properties(path):
    assert PHYSICAL.findall(rules(path)) == []


def test_physical_properties_would_be_found():
    assert PHYSICAL.search("a { margin-left: 1px }")
    assert PHYSICAL.search("a { left: 1px }")
    assert PHYSICAL.search("a { text-align: right; }")
    assert not PHYSICAL.search("a { border-inline-end: 0; text-align: end; vertical-align: top; }")


@pytest.mark.parametrize(
    "path",
    # The tokens hold the colours; print is black on white; a chart's colours carry meaning.
    [p for p in STYLE_SHEETS if p.stem not in {"tokens", "print", "desk_charts", "desk_mail"}],
    ids=lambda path: path.name,
)
def test_colours_come_from_the_tokens(path):
    assert RAW_COLOUR.findall(rules(path)) == []


@pytest.mark.parametrize("path", STYLE_SHEETS, ids=lambda path: path.name)
def test_variables_exist(path):
    defined = set()
    for sheet in STYLE_SHEETS:
        defined |= set(re.findall(r"(--[\w-]+):", sheet.read_text()))
    assert set(re.findall(r"var\((--[\w-]+)", path.read_text())) - defined == set()


@pytest.mark.parametrize(
    "path", [*STYLE_SHEETS, *SCRIPTS], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_nothing_is_fetched_from_elsewhere(path):
    text = path.read_text()
    assert "http:" not in text.replace("http://www.w3.org/", "")
    assert "https:" not in text
    assert "@import" not in text


def test_nothing_moves():
    """What never moves needs no switch for readers who want less motion."""
    moving = re.compile(r"(transition|animation)[\w-]*:(?! none)|scroll-behavior|@keyframes")
    assert [sheet.name for sheet in STYLE_SHEETS if moving.search(sheet.read_text())] == []


def test_style_sheets_are_within_their_budget():
    assert zipped([STATIC / "css" / f"{name}.css" for name in SITE_CSS]) <= 18 * KB
    desk = ["tokens", "components", "forms", "django_admin", "django_fields", "desk", "desk_forms"]
    desk += ["desk_start", "desk_results", "desk_charts"]
    assert zipped([STATIC / "css" / f"{name}.css" for name in desk]) <= 18 * KB


def test_scripts_are_within_their_budget():
    assert zipped([STATIC / "js" / f"{name}.js" for name in EVERY_PAGE_JS]) <= 4 * KB
    editor = [STATIC / "js" / f"{name}.js" for name in EDITOR_JS]
    assert zipped([path for path in SCRIPTS if path not in editor]) <= 8 * KB
    assert zipped(editor) <= 6 * KB


def test_fonts_are_within_their_budget():
    def size(*names: str) -> int:
        return sum((FONTS / f"{name}.woff2").stat().st_size for name in names)

    assert size("latin-normal") <= 30 * KB
    assert size("latin-normal", "latin-italic") <= 60 * KB
    assert size("latin-normal", "latin-italic", "greek-normal") <= 75 * KB


def test_fonts_come_with_their_licence():
    assert "SIL Open Font License, Version 1.1" in (FONTS / "LICENSE.txt").read_text()
