"""The server decides what rich text may hold, whatever the browser sends."""

import re
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from portal.core.models import Page
from portal.core.rich_text import plain_text, sanitize_rich_text

HOSTILE = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<svg onload=alert(1)><p>x</p></svg>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    '<a href="vbscript:x" onclick="alert(1)">x</a>',
    '<p style="background:url(javascript:alert(1))" class="x" id="y">x</p>',
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=1&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form action=/x><input name=q><button>go</button></form>",
    "<object data=x></object><embed src=x><base href=//evil><meta http-equiv=refresh content=0>",
    "<p>unclosed <b><i><table><tr><td>cell<p>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<template><script>alert(1)</script></template>",
    "<p>\x00\x0b&#0;</p>",
]
ALLOWED = {
    "p", "br", "strong", "em", "sub", "sup", "h3", "h4", "ul", "ol", "li", "blockquote", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {"href", "rel", "title", "start", "type", "data-type", "rowspan", "colspan"}
TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s[a-z-]+="[^"]*")*)>')


def assert_clean(html):
    """Nothing but allowed tags and attributes, in the one way that the serialiser writes them."""
    rest = TAG.sub("", html)
    assert "<" not in rest
    for _slash, name, attributes in TAG.findall(html):
        assert name in ALLOWED
        for attribute, value in re.findall(r'\s([a-z-]+)="([^"]*)"', attributes):
            assert attribute in ATTRIBUTES
            if attribute == "href":
                assert re.match(r"(?:https?:|mailto:|[^:]*$|[^:]*[/?#])", value)


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_comes_out_harmless(html):
    assert_clean(sanitize_rich_text(html))


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)), max_size=5).map("".join))
def test_any_mixture_comes_out_harmless_and_stays_as_it_is(html):
    clean = sanitize_rich_text(html)
    assert_clean(clean)
    assert sanitize_rich_text(clean) == clean


# What a browser without our script, or a crafted request, would send of a document from Word.
PASTED = sorted((Path(__file__).parents[1] / "articles" / "pasted").glob("*.html"))
FRAGMENTS = [
    fragment for path in PASTED for fragment in re.findall(r"<[^>]*>|[^<]+", path.read_text())
]


@pytest.mark.parametrize("path", PASTED, ids=lambda path: path.name)
def test_what_word_processors_write_comes_out_harmless_with_its_words(path):
    clean = sanitize_rich_text(path.read_text())
    assert_clean(clean)
    assert sanitize_rich_text(clean) == clean
    for leftover in ("mso-", "Mso", "@font-face", "supportLists", "StartFragment", "margin"):
        assert leftover not in clean
    document = Document(path.with_name(path.name.split(".")[0] + ".docx"))
    cells = [cell for table in document.tables for row in table.rows for cell in row.cells]
    text = plain_text(clean)
    for part in (*document.paragraphs, *cells):
        assert all(word in text for word in re.findall(r"\w+", part.text))


@given(st.lists(st.sampled_from([*FRAGMENTS, *HOSTILE]), max_size=40).map("".join))
def test_any_mixture_of_what_word_writes_comes_out_harmless(html):
    clean = sanitize_rich_text(html)
    assert_clean(clean)
    assert sanitize_rich_text(clean) == clean


def test_what_editors_write_is_kept():
    html = (
        "<p><strong>Bold</strong> H<sub>2</sub>O m<sup>2</sup> <em>p</em> &lt; 0.05 [@erbella]</p>"
        "<h3>More</h3><ul><li><p>One</p></li></ul><ol><li><p>Two</p></li></ol>"
        '<p><a href="https://example.org/?a=1&amp;b=2">link</a></p>'
        '<table><tbody><tr><th colspan="2">ORR</th></tr><tr><td>22.6%</td><td>18%</td></tr></tbody>'
        "</table>"
    )
    assert sanitize_rich_text(html) == html


@pytest.mark.django_db
def test_every_path_that_saves_a_row_is_cleaned():
    page = Page(slug="about", title="About", body="<p onclick=x>a<script>alert(1)</script></p>")
    page.save()
    assert page.body == "<p>a</p>"
    Page.objects.bulk_create([Page(slug="b", title="B", body="<img src=x>b")])
    assert Page.objects.get(slug="b").body == "b"


def test_plain_text_keeps_words_whole_and_apart():
    html = (
        "<p>CO<sub>2</sub> &amp; H<sub>2</sub>O</p><ul><li>one</li><li>two</li></ul><p>a<br>b</p>"
    )
    assert plain_text(html) == "CO2 & H2O one two a b"
