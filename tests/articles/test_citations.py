import re

from hypothesis import given
from hypothesis import strategies as st

from articles.citations import CitationNumbers, citation_errors, cited_keys, strip_citations
from portal.core.rich_text import sanitize_rich_text


def test_citations_are_numbered_by_first_use_across_parts():
    numbers = CitationNumbers(["a", "b", "c"])
    assert numbers.render("<p>One [@b].</p>") == (
        '<p>One<sup class="citation"><a href="#ref-b" id="cite-b-1">1</a></sup>.</p>'
    )
    assert numbers.render("<p>Two [@a; @b]</p>") == (
        '<p>Two<sup class="citation"><a href="#ref-a" id="cite-a-1">2</a>,'
        '<a href="#ref-b" id="cite-b-2">1</a></sup></p>'
    )
    assert numbers.numbers == {"b": 1, "a": 2}
    assert numbers.uses == {"b": 2, "a": 1}


def test_spaces_before_a_citation_are_dropped():
    assert CitationNumbers(["a"]).render("<p>x.&nbsp; [@a] y</p>") == (
        '<p>x.<sup class="citation"><a href="#ref-a" id="cite-a-1">1</a></sup> y</p>'
    )


def test_a_hard_space_within_a_marker_is_a_space():
    assert cited_keys("<p>[@a;&nbsp;@b]</p>") == ["a", "b"]


def test_a_marker_in_an_attribute_is_not_a_citation():
    html = sanitize_rich_text('<p><a href="/x" title="a > [@a] \'<">word</a></p>')
    assert "[@a]" in html
    assert cited_keys(html) == []
    assert CitationNumbers(["a"]).render(html) == html


def test_a_citation_within_a_link_is_its_number_alone():
    html = '<p><a href="/x">seen [@a]</a> and [@a]</p>'
    assert CitationNumbers(["a"]).render(html) == (
        '<p><a href="/x">seen<sup class="citation">1</sup></a> and'
        '<sup class="citation"><a href="#ref-a" id="cite-a-1">1</a></sup></p>'
    )


def test_an_unknown_key_is_an_error_and_stays_visible_in_a_preview():
    html = "<p>x [@gone]</p>"
    assert citation_errors(html, ["here"]) == ["There is no reference with the key “gone”."]
    assert CitationNumbers(["here"]).render(html) == (
        '<p>x <mark class="citation-unknown">[@gone]</mark></p>'
    )


def test_what_was_meant_as_a_citation_is_an_error():
    for text in ("[@a, @b]", "[@ a]", "[@a", "[@er<em>bella</em>]"):
        assert len(citation_errors(f"<p>{text}</p>", ["a", "b"])) == 1, text


def test_text_without_citations_has_no_error():
    assert citation_errors("<p>[95% CI], mail@example.org, [a@b]</p>", []) == []


def test_citations_can_be_left_out():
    assert strip_citations("Cite it [@a; @b], please.") == "Cite it, please."


KEYS = ["a", "b2", "c-d", "E_f"]
pieces = st.lists(
    st.one_of(
        st.sampled_from(KEYS).map(lambda key: f"[@{key}]"),
        st.lists(st.sampled_from(KEYS), min_size=2, max_size=3).map(
            lambda keys: f"[{'; '.join('@' + key for key in keys)}]"
        ),
        st.sampled_from(["<p>", "</p>", "<em>", "</a>", '<a href="/[@a]">', "<script>", "<", '"']),
        st.text(max_size=8),
    ),
    max_size=12,
).map("".join)


@given(pieces)
def test_every_number_and_link_fits_the_order_of_first_use(html):
    html = sanitize_rich_text(html)
    numbers = CitationNumbers(KEYS)
    rendered = numbers.render(html)
    assert list(numbers.numbers) == cited_keys(html)
    assert list(numbers.numbers.values()) == list(range(1, len(numbers.numbers) + 1))
    linked = re.findall(r'<a href="#ref-([\w-]+)" id="(cite-[\w-]+)">(\d+)</a>', rendered)
    assert all(numbers.numbers[key] == int(number) for key, _place, number in linked)
    places = [place for _key, place, _number in linked]
    assert sorted(places) == sorted(
        f"cite-{key}-{use}" for key, uses in numbers.uses.items() for use in range(1, uses + 1)
    )


@given(pieces)
def test_without_known_keys_nothing_but_marks_is_added(html):
    html = sanitize_rich_text(html)
    rendered = CitationNumbers([]).render(html)
    assert re.sub(r"</?mark[^>]*>", "", rendered) == html
