"""Published examples, and the rules beside them.

``vancouver_samples.json`` quotes the ICMJE's and NLM's "Samples of Formatted References for Authors
of Journal Articles" as they were published, each with the CSL that we mapped it to. Where ours
leaves something out on purpose, the sample says what ("ours") and why.
"""

import json
from pathlib import Path

import pytest

from articles.references import format_vancouver

SAMPLES = json.loads(Path(__file__).with_name("vancouver_samples.json").read_text("utf-8"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_sample_as_published(sample):
    assert format_vancouver(sample["csl"]) == sample.get("ours", sample["published"])


def test_there_are_more_than_thirty_samples():
    deviations = [sample for sample in SAMPLES if "ours" in sample]
    assert (len(SAMPLES), len(deviations)) == (41, 3)
    assert all(sample["why"] and sample["ours"] != sample["published"] for sample in deviations)


def people(*names):
    """Return CSL names: "Halpern SD" is a person, "=Alf-One Study Group" a group."""
    return [
        {"literal": name.removeprefix("=")}
        if name.startswith("=")
        else dict(zip(("family", "given"), name.split(), strict=True))
        for name in names
    ]


def day(*parts):
    return {"date-parts": [list(parts)]}


def article(**fields):
    return {
        "type": "article-journal",
        "title": "T",
        "container-title": "J",
        "issued": day(2002),
    } | fields


def _authors(names):
    return format_vancouver({"author": names, "title": "T"}).removesuffix(". T.")


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (people("A B", "C D", "E F", "G H", "I J", "K L"), "A B, C D, E F, G H, I J, K L"),
        (
            people("A B", "C D", "E F", "G H", "I J", "K L", "=Group"),
            "A B, C D, E F, G H, I J, K L, et al",
        ),
        (people("A B", "=Group", "C D"), "A B; Group; C D"),
        (people("=One", "=Two"), "One; Two"),
        ([{"family": "Erbella"}, {"literal": "et al."}], "Erbella, et al"),
        ([{"family": "Gaulle", "non-dropping-particle": "de", "given": "Charles"}], "de Gaulle C"),
        (
            [{"family": "Beethoven", "dropping-particle": "van", "given": "Ludwig"}],
            "van Beethoven L",
        ),
        ([{"family": "Tolkien", "given": "John Ronald Reuel"}], "Tolkien JR"),
        ([{"family": "Halpern", "given": "SD"}], "Halpern SD"),
        ([{"family": "King", "given": "Martin L.", "suffix": "Jr."}], "King ML Jr"),
        ([{"family": "王", "given": "小明"}], "王 小"),
    ],
)
def test_names(names, line):
    assert _authors(names) == line


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("284-287", "284-7"),
        ("284–287", "284-7"),  # noqa: RUF001 - as publishers type it
        ("284-7", "284-7"),
        ("98-101", "98-101"),
        ("e100-e105", "e100-5"),
        ("S93-S99", "S93-9"),
        ("iii-v", "iii-v"),
        ("a2752", "a2752"),
        ("1", "1"),
        ("101-101", "101-1"),
    ],
)
def test_pages(page, shown):
    csl = article(volume="1", page=page)
    assert format_vancouver(csl) == f"T. J. 2002;1:{shown}."


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        (day(2002), "2002"),
        ({"date-parts": [["2002", "07"]]}, "2002 Jul"),
        (day(2002, 7, 5), "2002 Jul 5"),
        ({"date-parts": [[2002, 11], [2002, 12]]}, "2002 Nov-Dec"),
        ({"date-parts": [[2001, 12, 30], [2002, 1, 2]]}, "2001 Dec 30-2002 Jan 2"),
        ({"date-parts": [[2001]], "season": "Winter"}, "2001 Winter"),
        ({"literal": "c2000-01"}, "c2000-01"),
        (day(2002, 13, 1), "2002"),
        ({"date-parts": [[None]]}, ""),
        ("2002", ""),
        (None, ""),
    ],
)
def test_dates(date, shown):
    line = f"T. J. {shown}" if shown else "T. J"
    csl = {"type": "article-journal", "title": "T", "container-title": "J", "issued": date}
    assert format_vancouver(csl) == f"{line}."


def test_ahead_of_print_as_pubmed_writes_it():
    csl = article(
        author=people("Exemplar A"),
        issued=day(2025, 7, 5),
        status="advance online publication",
        DOI="10.5555/fictitious",
        PMID="1",
    )
    assert format_vancouver(csl) == (
        "Exemplar A. T. J. 2025 Jul 5. doi: 10.5555/fictitious. "
        "Epub ahead of print. PubMed PMID: 1."
    )


@pytest.mark.parametrize(
    ("custom", "said"),
    [
        ({"retraction": {"note": "J. 2002;1:2"}}, "Retraction in: J. 2002;1:2."),
        ({"retraction": {"DOI": "10.5555/n"}}, "Retraction in: doi: 10.5555/n."),
        ({"cited-as-retracted": True}, "Retracted."),
        ("nonsense", "Retracted."),
    ],
)
def test_a_retraction_is_always_said(custom, said):
    csl = {"title": "T", "status": "retracted", "custom": custom}
    assert format_vancouver(csl) == f"T. {said}"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", " German."),
        ("nb", " Norwegian."),
        ("pt-BR", " Brazilian Portuguese."),
        ("de-CH", " German."),
        ("Norwegian", " Norwegian."),
        ("en", ""),
        ("eng", ""),
        ("en-GB", ""),
        ("English", ""),
        ("xx", ""),
        ("", ""),
    ],
)
def test_languages_other_than_english_are_named(language, said):
    csl = article(language=language)
    assert format_vancouver(csl) == f"T. J. 2002.{said}"


@pytest.mark.parametrize(
    ("edition", "said"),
    [
        ("1", "1st ed."),
        ("3", "3rd ed."),
        ("11", "11th ed."),
        ("22", "22nd ed."),
        ("4th", "4th ed."),
        ("Rev. ed.", "Rev. ed."),
        ("Second edition", "Second edition."),
    ],
)
def test_editions(edition, said):
    assert format_vancouver({"type": "book", "title": "T", "edition": edition}) == f"T. {said}"
