"""Abbreviations: in full where the page uses them first, explained where it uses them again."""

import html as html_module
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from articles.abbreviations import Abbreviations, unused_abbreviations
from articles.citations import TAG, CitationNumbers
from portal.core.rich_text import plain_text, sanitize_rich_text

ORR = ("ORR", "overall response rate")
CR = ("CR", "complete response")


def render(*html, rows=(ORR, CR)):
    page = Abbreviations(rows)
    return [page.render(part) for part in html]


def test_first_use_is_in_full_and_later_ones_are_explained_across_parts():
    assert render("<p>The ORR was 52%, the CR 30%.</p>", "<ul><li><p>An ORR</p></li></ul>") == [
        ("<p>The overall response rate (ORR) was 52%, the complete response (CR) 30%.</p>"),
        '<ul><li><p>An <abbr title="overall response rate">ORR</abbr></p></li></ul>',
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The overall response rate (ORR) was 52%.",
        "The Overall&nbsp;response rate ( ORR ) was 52%.",
        "The <strong>overall response</strong> rate (<em>ORR</em>) was 52%.",
        "The ORR (overall response rate) was 52%.",
    ],
)
def test_what_the_text_introduces_itself_is_left_alone(text):
    first, second = render(f"<p>{text}</p>", "<p>The ORR.</p>")
    assert first == f"<p>{text}</p>"
    assert second == '<p>The <abbr title="overall response rate">ORR</abbr>.</p>'


def test_a_long_form_of_another_block_introduces_nothing():
    [html] = render("<p>The overall response rate</p><p>(ORR) was 52%.</p>")
    assert html == "<p>The overall response rate</p><p>(overall response rate (ORR)) was 52%.</p>"


def test_at_the_beginning_of_a_sentence_it_begins_like_one():
    assert render("<p>ORR was 52%.</p>") == ["<p>Overall response rate (ORR) was 52%.</p>"]
    assert render("<p>So it was. ORR fell.</p>") == [
        "<p>So it was. Overall response rate (ORR) fell.</p>"
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<p><a href="/ORR">ORR</a></p>',
        "<h3>ORR</h3>",
        '<p><a href="/x" title="ORR &gt; CR">word</a></p>',
        "<p>ORRs, xORR, ORR-based, post-ORR</p>",
        "<p>CR<sub>2</sub> and x<sup>ORR</sup></p>",
        "<p>x [@ORR; @CR] [@a-ORR]</p>",
    ],
)
def test_links_headings_tags_and_parts_of_words_are_left_alone(html):
    html = sanitize_rich_text(html)
    assert render(html) == [html]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("An HR of 1", "A hazard ratio (HR) of 1"),
        ("with an&nbsp;HR", "with a&nbsp;hazard ratio (HR)"),
        ("a RR", "an absolute risk (RR)"),
        ("an US", "an unusual sign (US)"),
        ("vitamin-a HR", "vitamin-a hazard ratio (HR)"),
    ],
)
def test_the_indefinite_article_follows_what_is_read(text, shown):
    rows = [("HR", "hazard ratio"), ("RR", "absolute risk"), ("US", "unusual sign")]
    assert render(f"<p>{text}</p>", rows=rows) == [f"<p>{shown}</p>"]
    [html] = render("<p>An ORR, an HR, then an HR</p>", rows=[("HR", "hazard ratio")])
    assert html.endswith('then an <abbr title="hazard ratio">HR</abbr></p>')


def test_a_use_in_a_heading_is_not_the_first_one():
    assert render("<h3>ORR</h3><p>The ORR</p>") == [
        "<h3>ORR</h3><p>The overall response rate (ORR)</p>"
    ]


def test_the_longest_abbreviation_wins():
    rows = [("CAR", "chimeric antigen receptor"), ("CAR T", "CAR T-cell therapy")]
    assert render("<p>The CAR T and the CAR</p>", rows=rows) == [
        "<p>The CAR T-cell therapy (CAR T) and the chimeric antigen receptor (CAR)</p>"
    ]


def test_special_characters_are_escaped_and_found():
    rows = [("R&D", 'research "&" <development>'), ("lt", "late")]
    assert render("<p>a &lt; b, my R&amp;D and R&amp;D</p>", rows=rows) == [
        (
            "<p>a &lt; b, my research &quot;&amp;&quot; &lt;development&gt; (R&amp;D) and "
            '<abbr title="research &quot;&amp;&quot; &lt;development&gt;">R&amp;D</abbr></p>'
        )
    ]


def test_they_go_together_with_citations():
    html = CitationNumbers(["ORR"]).render("<p>The ORR [@ORR] fell, ORR [@gone_ORR]</p>")
    assert render(html) == [
        (
            '<p>The overall response rate (ORR)<sup class="citation">'
            '<a href="#ref-ORR" id="cite-ORR-1">1</a></sup> fell, '
            '<abbr title="overall response rate">ORR</abbr> '
            '<mark class="citation-unknown">[@gone_ORR]</mark></p>'
        )
    ]


def test_those_that_never_occur_are_named():
    rows = [ORR, CR, ("PFS", "progression-free survival")]
    assert unused_abbreviations(rows, ["<h3>CR</h3>", "<p>ORR</p>"]) == ["CR", "PFS"]
    assert unused_abbreviations([], ["<p>ORR</p>"]) == []


words = st.sampled_from(
    [
        "ORR",
        "CR",
        "overall response rate",
        "(ORR)",
        "word",
        "&lt;",
        "&amp;",
        "é",
        ".",
        " ",
        "[@ORR]",
    ]
)
run = st.lists(words, max_size=8).map(" ".join)
block = st.one_of(
    run.map("<p>{}</p>".format),
    run.map("<h3>{}</h3>".format),
    st.tuples(run, run).map(lambda pair: f'<p>{pair[0]} <a href="/ORR">{pair[1]}</a></p>'),
    st.tuples(run, run).map(lambda pair: f"<ul><li><p>{pair[0]}<em>{pair[1]}</em></p></li></ul>"),
    st.text(max_size=30).map(lambda text: sanitize_rich_text(f"<p>{text}</p>")),
)
page = st.lists(block, max_size=6)
ADDED = re.compile(r"</?abbr[^>]*>")


def tags(html):
    return [tag.group() for tag in TAG.finditer(html)]


@given(page)
def test_the_markup_stays_as_it_is_but_for_explanations(parts):
    for before, after in zip(parts, render(*parts), strict=True):
        assert tags(ADDED.sub("", after)) == tags(before)
        assert after.count("<abbr") == after.count("</abbr>")


@given(page)
def test_each_is_expanded_at_most_once_and_nothing_is_lost(parts):
    before, after = "".join(parts), "".join(render(*parts))
    for short, long in (ORR, CR):
        plain = ADDED.sub("", after)
        expansions = len(re.findall(rf"{long} \({short}\)", plain, re.IGNORECASE))
        given_already = len(re.findall(rf"{long} \({short}\)", before, re.IGNORECASE))
        assert expansions - given_already in {0, 1}
    shown = html_module.unescape(plain_text(ADDED.sub("", after))).lower()
    for short, long in (ORR, CR):
        shown = shown.replace(f"{long} ({short})".lower(), short.lower())
    original = html_module.unescape(plain_text(before)).lower()
    for short, long in (ORR, CR):
        original = original.replace(f"{long} ({short})".lower(), short.lower())
    assert shown == original


@given(page)
def test_without_rows_nothing_happens(parts):
    assert render(*parts, rows=()) == parts
    assert render(*parts, rows=[("", "empty"), ("X", "")]) == parts
