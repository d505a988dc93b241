"""Asking Crossref and PubMed: what comes back, and every way in which nothing does."""

import socket
from itertools import pairwise

import pytest

from articles.reference_import import clients, reading
from articles.reference_import.reading import UnreadableInput, read_references
from articles.references import format_vancouver

pytestmark = pytest.mark.django_db


def problems(result):
    return [(problem.line, problem.text, problem.message) for problem in result.problems]


def lines(result):
    return [(record.line, format_vancouver(record.csl)) for record in result.records]


# --- What comes back ------------------------------------------------------------------------------


def test_a_doi_becomes_a_reference(references_online):
    result = read_references("https://doi.org/10.5555/FICTITIOUS.1\n")
    assert problems(result) == []
    (record,) = result.records
    assert record.csl == {
        "type": "article-journal",
        "author": [
            {"family": "Exemplar", "given": "Ada B."},
            {"family": "Muster", "given": "Max", "suffix": "Jr."},
            {"literal": "Fictitious Study Group"},
        ],
        "title": "A fictitious trial of CO2 & water",
        "container-title": "Journal of Fictitious Medicine",
        "container-title-short": "J Fict Med",
        "issued": {"date-parts": [[2025, 2]]},
        "available-date": {"date-parts": [[2024, 12, 3]]},
        "volume": "12",
        "issue": "3",
        "page": "284-287",
        "language": "en",
        "DOI": "10.5555/Fictitious.1",
    }
    assert lines(result) == [
        (
            1,
            (
                "Exemplar AB, Muster M Jr; Fictitious Study Group. A fictitious trial of CO2 & "
                "water. J Fict Med. 2025 Feb;12(3):284-7. doi: 10.5555/Fictitious.1. Epub 2024 Dec "
                "3."
            ),
        )
    ]


def test_the_request_is_polite(references_online):
    read_references("10.5555/fictitious.1")
    ((_when, path, headers),) = references_online.asked
    assert path == "/works/10.5555%2Ffictitious.1?mailto=editors%40portal.example"
    assert headers["User-Agent"].startswith("medical-education-portal (http")
    assert headers["User-Agent"].endswith("mailto:editors@portal.example)")


def test_a_retraction_is_kept_and_other_updates_are_told(references_online):
    (record,) = read_references("10.5555/retracted").records
    assert record.csl["status"] == "retracted"
    assert record.csl["custom"] == {
        "retraction": {
            "DOI": "10.5555/notice",
            "date": "2025-04-06",
            "source": "retraction-watch",
        }
    }
    assert record.notices == ("Crossref knows an update: erratum, doi: 10.5555/erratum.",)
    assert format_vancouver(record.csl).endswith("Retraction in: doi: 10.5555/notice.")


def test_other_kinds_of_works(references_online):
    text = "10.5555/ahead 10.5555/chapter, 10.5555/preprint\n10.5555/alias\n10.5555/nonsense"
    result = read_references(text)
    assert problems(result) == [(3, "10.5555/nonsense", "It has neither a title nor a journal.")]
    assert lines(result) == [
        (
            1,
            (
                "Fictitious Consortium. Fictitious, ahead of print. Journal of Fictitious "
                "Medicine. 2025 Jul 5. doi: 10.5555/ahead. Epub ahead of print."
            ),
        ),
        (
            1,
            (
                "Exemplar A. A fictitious chapter: what it says. In: Specimen E, editor. A "
                "Fictitious Book. 2nd ed. Nowhere: Fictitious Press; 2020. p. 11-9. doi: "
                "10.5555/chapter."
            ),
        ),
        (1, "Exemplar. A fictitious preprint [preprint]. fictRxiv. doi: 10.5555/preprint."),
        (
            2,
            (
                "Exemplar AB, Muster M Jr; Fictitious Study Group. A fictitious trial of CO2 & "
                "water. J Fict Med. 2025 Feb;12(3):284-7. doi: 10.5555/Fictitious.1. Epub 2024 Dec "
                "3."
            ),
        ),
    ]


def test_pmids_are_asked_for_at_once(references_online):
    text = "PMID: 999000001\nhttps://pubmed.ncbi.nlm.nih.gov/999000002/ 999000001"
    result = read_references(text)
    assert problems(result) == [(2, "999000002", "PubMed does not know it.")]
    assert lines(result) == [
        (
            1,
            (
                "Exemplar AB; Fictitious Study Group. A fictitious title that goes on in a second "
                "line [letter]. J Fict Med. 2025 Nov-Dec;12(3):284-7. German. doi: "
                "10.5555/medline.1. Epub 2025 Jul 5. PubMed PMID: 999000001; PubMed Central PMCID: "
                "PMC999001."
            ),
        )
    ]
    ((_when, path, _headers),) = references_online.asked
    assert path == (
        ""
        "/efetch.fcgi?db=pubmed&id=999000001%2C999000002&rettype=medline&retmode=text&tool=medical-education-portal&email=editors%40portal.example"
    )


def test_ncbi_is_asked_three_times_a_second_at_most(references_online):
    for _number in range(4):
        clients.fetch_pubmed(["999000001"])
    times = [when for when, _path, _headers in references_online.asked]
    assert min(b - a for a, b in pairwise(times)) >= 0.33


def test_what_is_neither_is_told_line_by_line(references_online):
    result = read_references(
        "10.5555/fictitious.1\n\nSee the paper by Exemplar\ndoi: 10.12/x\n0123"
    )
    assert [record.line for record in result.records] == [1]
    assert problems(result) == [
        (3, "See the paper by Exemplar", "This is neither a DOI nor a PMID."),
        (4, "doi:10.12/x", "This is neither a DOI nor a PMID."),
        (5, "0123", "This is neither a DOI nor a PMID."),
    ]


def test_no_more_than_fifty_are_asked_for(references_online):
    with pytest.raises(UnreadableInput, match="These are 51 DOIs and PMIDs; at most 50"):
        read_references("\n".join(f"10.5555/{number}" for number in range(51)))
    assert references_online.asked == []


# --- What goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "message", "asked"),
    [
        (400, "Crossref does not understand this.", 2),
        (404, "Crossref does not know it.", 2),
        (429, "Crossref has had too many questions. Try again in a minute.", 1),
        (500, "Crossref has a fault (500). Try again later.", 1),
        (503, "Crossref has a fault (503). Try again later.", 1),
        ("broken", "The answer of Crossref cannot be read.", 2),
        ("deep", "The answer of Crossref cannot be read.", 2),
        ("huge", "The answer of Crossref is too large.", 2),
        ("elsewhere", "Crossref sends us to another host, where we do not go.", 2),
        ("to a file", "Crossref sends us to another host, where we do not go.", 2),
        ("in circles", "Crossref answers with redirects without end.", 6),
        (
            "closed",
            "Crossref cannot be reached: the line is down, or it does not answer in time.",
            1,
        ),
    ],
)
def test_a_fault_is_told_at_each_line(references_online, mode, message, asked):
    references_online.mode = mode
    result = read_references("10.5555/a\n10.5555/b")
    assert result.records == []
    assert problems(result) == [(1, "10.5555/a", message), (2, "10.5555/b", message)]
    assert len(references_online.asked) == asked


@pytest.mark.parametrize("mode", [404, 429, 500, "closed", "huge", "elsewhere"])
def test_a_fault_of_pubmed_is_told_as_well(references_online, mode):
    references_online.mode = mode
    result = read_references("999000001\n999000002")
    assert result.records == []
    assert [problem.line for problem in result.problems] == [1, 2]
    assert all("PubMed" in problem.message for problem in result.problems)


def test_an_answer_of_another_format_is_told(references_online):
    references_online.mode = "broken"
    assert problems(read_references("999000001")) == [
        (
            0,
            '{"status": "ok", "message": {"DOI"',
            "It belongs to no record: each begins with PMID.",
        ),
        (1, "999000001", "PubMed does not know it."),
    ]


def test_a_slow_service_is_not_waited_for(references_online, monkeypatch):
    monkeypatch.setattr(clients, "READ_SECONDS", 0.2)
    references_online.mode = "slow"
    (first, second) = read_references("10.5555/a\n10.5555/b").problems
    assert first.message == second.message
    assert first.message.startswith("Crossref cannot be reached")
    assert len(references_online.asked) == 1


def test_an_answer_that_trickles_is_cut_off(references_online, monkeypatch):
    monkeypatch.setattr(clients, "ANSWER_SECONDS", -1)
    (problem,) = read_references("10.5555/fictitious.1").problems
    assert problem.message == "Crossref is too slow at the moment. Try again later."


def test_time_runs_out_and_the_rest_is_named(references_online, monkeypatch):
    monkeypatch.setattr(reading, "ASKING_SECONDS", -1)
    assert problems(read_references("10.5555/fictitious.1")) == [
        (1, "10.5555/fictitious.1", "There was no time left to ask for it. Try it again.")
    ]


def test_offline(settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.CROSSREF_URL = settings.NCBI_URL = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = read_references("10.5555/a\n999000001")
    assert problems(result) == [
        (
            1,
            "10.5555/a",
            "Crossref cannot be reached: the line is down, or it does not answer in time.",
        ),
        (
            2,
            "999000001",
            "PubMed cannot be reached: the line is down, or it does not answer in time.",
        ),
    ]


def test_switched_off(settings):
    settings.CROSSREF_URL = settings.NCBI_URL = ""
    assert problems(read_references("10.5555/a\n999000001")) == [
        (1, "10.5555/a", "Crossref is switched off on this site."),
        (2, "999000001", "PubMed is switched off on this site."),
    ]


@pytest.mark.parametrize(
    "url", ["http://crossref.example", "ftp://127.0.0.1", "file:///etc", "//127.0.0.1", "x"]
)
def test_plain_http_leaves_the_machine_for_nobody(settings, url):
    settings.CROSSREF_URL = url
    (problem,) = read_references("10.5555/a").problems
    assert problem.message == (
        "The address of Crossref in the settings does not begin with https://."
    )


def test_a_doi_cannot_lead_elsewhere(references_online):
    read_references("10.5555/../../admin?x=1#y")
    ((_when, path, _headers),) = references_online.asked
    assert path.startswith("/works/10.5555%2F..%2F..%2Fadmin%3Fx%3D1%23y?")
