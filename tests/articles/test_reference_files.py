"""RIS and PubMed's files: every kind of record, and every line that cannot be read."""

import pytest

from articles.reference_import.reading import UnreadableInput, decode, read_references
from articles.references import format_vancouver


def ris(kind, *fields):
    return "\r\n".join([f"TY  - {kind}", *fields, "ER  - ", ""])


def nbib(*lines, pmid="999000001"):
    return "\n".join([f"PMID- {pmid}", *lines, ""])


def only(text):
    result = read_references(text)
    assert result.problems == []
    (record,) = result.records
    return record


def problems(text):
    return [
        (problem.line, problem.text, problem.message) for problem in read_references(text).problems
    ]


JOURNAL = (
    *("AU  - Exemplar, Ada B.", "AU  - Muster, Max, Jr.", "A1  - Fictitious Study Group"),
    *("TI  - A fictitious trial.", "JF  - Journal of Fictitious Medicine", "JA  - J Fict Med"),
    *("PY  - 2025", "DA  - 2025/07/05/", "VL  - 12", "IS  - 3", "SP  - 284", "EP  - 287"),
    *("DO  - https://doi.org/10.5555/ris.1", "UR  - https://journal.example/1"),
    *("N1  - PMID: 999000001", "AB  - Not kept.", "KW  - nor this", "SN  - 0000-0000"),
)
RIS = {
    "journal article": (
        ris("JOUR", *JOURNAL),
        (
            "Exemplar AB, Muster M Jr; Fictitious Study Group. A fictitious trial. J Fict Med. "
            "2025 Jul 5;12(3):284-7. doi: 10.5555/ris.1. PubMed PMID: 999000001."
        ),
    ),
    "only a year, abbreviated last page, group with a comma": (
        ris(
            "JOUR",
            "AU  - World Fictitious Organization,",
            "T1  - Is it so?",
            "T2  - J Fict Med",
            "Y1  - 1999///",
            "SP  - e100",
        ),
        "World Fictitious Organization. Is it so? J Fict Med. 1999:e100.",
    ),
    "in press": (
        ris("INPR", "AU  - Exemplar, A", "TI  - Soon", "JO  - J Fict Med", "PY  - 2026"),
        "Exemplar A. Soon. J Fict Med. In press 2026.",
    ),
    "abstract": (
        ris("ABST", "TI  - Short", "JO  - J Fict Med", "PY  - 2020", "VL  - 1", "SP  - S5"),
        "Short [abstract]. J Fict Med. 2020;1:S5.",
    ),
    "newspaper": (
        ris("NEWS", "TI  - News", "T2  - The Fictitious Post", "DA  - 2020-08-12", "SP  - 2"),
        "News. The Fictitious Post. 2020 Aug 12:2.",
    ),
    "book": (
        ris(
            "BOOK",
            "AU  - Exemplar, A",
            "TI  - A Book",
            "ET  - 2",
            "CY  - Nowhere",
            "PB  - Fictitious Press",
            "PY  - 2001",
        ),
        "Exemplar A. A Book. 2nd ed. Nowhere: Fictitious Press; 2001.",
    ),
    "book with editors": (
        ris("EDBOOK", "A2  - Specimen, Eva", "TI  - A Book", "PB  - Fictitious Press"),
        "Specimen E, editor. A Book. Fictitious Press.",
    ),
    "chapter": (
        ris(
            "CHAP",
            "AU  - Exemplar, A",
            "A2  - Specimen, E",
            "ED  - Muster, M",
            "TI  - A Chapter",
            "T2  - A Book",
            "PB  - Fictitious Press",
            "PY  - 2001",
            "SP  - 93",
            "EP  - 113",
        ),
        (
            "Exemplar A. A Chapter. In: Specimen E, Muster M, editors. A Book. Fictitious Press; "
            "2001. p. 93-113."
        ),
    ),
    "conference paper": (
        ris("CONF", "AU  - Exemplar, A", "TI  - A Talk", "T2  - Proceedings", "PY  - 2003"),
        "Exemplar A. A Talk. In: Proceedings. 2003.",
    ),
    "thesis": (
        ris("THES", "AU  - Exemplar, A", "TI  - A Thesis", "PB  - No University", "PY  - 2004"),
        "Exemplar A. A Thesis [dissertation]. No University; 2004.",
    ),
    "master's thesis": (
        ris("THES", "AU  - Exemplar, A", "TI  - A Thesis", "M3  - master's thesis"),
        "Exemplar A. A Thesis [master's thesis].",
    ),
    "report": (
        ris("RPRT", "AU  - An Agency,", "TI  - A Report", "PB  - An Agency", "PY  - 2005/03"),
        "An Agency. A Report. An Agency; 2005 Mar.",
    ),
    "web page": (
        ris(
            "ELEC",
            "TI  - A Page",
            "PB  - A Publisher",
            "PY  - 2006",
            "Y2  - 2007/01/02",
            "UR  - https://page.example/",
        ),
        (
            "A Page [Internet]. A Publisher; 2006 [cited 2007 Jan 2]. Available from: "
            "https://page.example/."
        ),
    ),
    "data set": (
        ris("DATA", "AU  - Exemplar, A", "TI  - Data", "PB  - A Repository", "DO  - 10.5555/d"),
        "Exemplar A. Data. A Repository. doi: 10.5555/d.",
    ),
    "video": (ris("VIDEO", "TI  - A Film", "PY  - 2008"), "A Film. 2008."),
    "the DOI in another place, as EndNote and publishers have it": (
        ris("JOUR", "TI  - T", "JO  - J", "M3  - doi: 10.5555/m3"),
        "T. J. doi: 10.5555/m3.",
    ),
    "PubMed's number by EndNote": (
        ris("JOUR", "TI  - T", "JO  - J", "AN  - 999000002", "DP  - PubMed"),
        "T. J. PubMed PMID: 999000002.",
    ),
    "another database's number is none of PubMed's": (
        ris("JOUR", "TI  - T", "JO  - J", "AN  - 999000002", "DB  - Elsewhere"),
        "T. J.",
    ),
    "a title over two lines, markup and entities": (
        ris("JOUR", "TI  - The <i>BRCA1</i>", "gene &amp; p &lt; 0.05", "JO  - J"),
        "The BRCA1 gene & p < 0.05. J.",
    ),
}


@pytest.mark.parametrize(("text", "line"), RIS.values(), ids=RIS.keys())
def test_ris(text, line):
    record = only(text)
    assert format_vancouver(record.csl) == line
    assert record.notices == ()


NBIB = {
    "journal article": (
        nbib(
            "DP  - 2002 Jul 25",
            "TI  - A fictitious",
            "      title.",
            "PG  - 284-7",
            "FAU - Gilstrap, Larry C 3rd",
            "AU  - Gilstrap LC 3rd",
            "FAU - van Muster, Max",
            "AU  - van Muster M",
            "CN  - Fictitious Study Group",
            "LA  - eng",
            "TA  - J Fict Med",
            "JT  - The journal of fictitious medicine",
            "VI  - 347",
            "IP  - 4",
            "LID - 10.5555/nbib.1 [doi]",
        ),
        (
            "Gilstrap LC 3rd, van Muster M; Fictitious Study Group. A fictitious title. J Fict "
            "Med. 2002 Jul 25;347(4):284-7. doi: 10.5555/nbib.1. PubMed PMID: 999000001."
        ),
    ),
    "short names alone, no journal's short name, season": (
        nbib("DP  - 1980 Winter", "TI  - Old.", "AU  - Exemplar AB", "JT  - Fictitious medicine"),
        "Exemplar AB. Old. Fictitious medicine. 1980 Winter. PubMed PMID: 999000001.",
    ),
    "ahead of print": (
        nbib(
            "DP  - 2025 Jul 5",
            "TI  - Early?",
            "TA  - J Fict Med",
            "AID - S0000(25)1 [pii]",
            "AID - 10.5555/early [doi]",
            "DEP - 20250705",
            "PST - aheadofprint",
        ),
        (
            "Early? J Fict Med. 2025 Jul 5. doi: 10.5555/early. Epub ahead of print. PubMed PMID: "
            "999000001."
        ),
    ),
    "in print after its day online": (
        nbib(
            "DP  - 2002 Nov 15", "TI  - T", "TA  - J", "VI  - 1", "DEP - 20020705", "PST - ppublish"
        ),
        "T. J. 2002 Nov 15;1. Epub 2002 Jul 5. PubMed PMID: 999000001.",
    ),
    "online only, with a number": (
        nbib(
            "DP  - 2009 Jan 7",
            "TI  - T",
            "TA  - J",
            "VI  - 338",
            "LID - a2752 [pii]",
            "DEP - 20090107",
            "PST - epublish",
            "PMC - PMC999002",
        ),
        "T. J. 2009 Jan 7;338:a2752. PubMed PMID: 999000001; PubMed Central PMCID: PMC999002.",
    ),
    "months over the turn of a year, translated title": (
        nbib("DP  - 2001 Dec-Jan", "TI  - [Translated].", "TA  - J", "LA  - nor"),
        "[Translated]. J. 2001 Dec-Jan. Norwegian. PubMed PMID: 999000001.",
    ),
    "chapter": (
        nbib(
            "BTI - A Fictitious Book",
            "TI  - A Chapter",
            "FAU - Exemplar, Ada",
            "FED - Specimen, Eva",
            "PB  - Fictitious Press",
            "PL  - Nowhere (NO)",
            "DP  - 2020",
        ),
        (
            "Exemplar A. A Chapter. In: Specimen E, editor. A Fictitious Book. Nowhere (NO): "
            "Fictitious Press; 2020. PubMed PMID: 999000001."
        ),
    ),
    "book": (
        nbib("BTI - A Fictitious Book", "PB  - Fictitious Press", "DP  - 2020"),
        "A Fictitious Book. Fictitious Press; 2020. PubMed PMID: 999000001.",
    ),
    "erratum": (
        nbib("TI  - T", "TA  - J", "EIN - J. 2001 Feb;23(2):309. PMID: 999000003"),
        "T. J. Erratum in: J. 2001 Feb;23(2):309. PubMed PMID: 999000001.",
    ),
    "retraction's notice": (
        nbib(
            "TI  - T", "TA  - J", "ROF - J. 2000 Dec;61(12):909-11. doi: 10.5555/x. PMID: 999000004"
        ),
        "T. J. Retraction of: J. 2000 Dec;61(12):909-11. PubMed PMID: 999000001.",
    ),
    "retracted": (
        nbib(
            "TI  - T",
            "TA  - J",
            "PT  - Retracted Publication",
            "RIN - J. 2002 Feb;63(2):169. PMID: 999000005",
        ),
        "T. J. Retraction in: J. 2002 Feb;63(2):169. PubMed PMID: 999000001.",
    ),
    "retracted, and no more is known": (
        nbib("TI  - T", "TA  - J", "PT  - Retracted Publication"),
        "T. J. Retracted. PubMed PMID: 999000001.",
    ),
}


@pytest.mark.parametrize(("text", "line"), NBIB.values(), ids=NBIB.keys())
def test_nbib(text, line):
    assert format_vancouver(only(text).csl) == line


# --- What cannot be read --------------------------------------------------------------------------


def test_no_line_of_a_ris_file_gets_lost():
    text = "\n".join(
        [
            "Provider: somebody",
            "",
            "TY  - JOUR",
            "TI  - First",
            "ZZ  - what is this",
            "ER  - ",
            "1.",
            "TI  - Of no record",
            "TY  - JOUR",
            "TI  - Second, without an end",
            "TY  - NOVEL",
            "T1  - Third",
            "ER  -",
            "TY  - JOUR",
            "VL  - 12",
            "ER  - ",
            "TY  - JOUR",
            "TI  - Fourth",
            "DO  - not a DOI",
        ]
    )
    assert problems(text) == [
        (1, "Provider: somebody", "It belongs to no record (from TY to ER)."),
        (5, "ZZ - what is this", "This tag is not known."),
        (7, "1.", "It belongs to no record (from TY to ER)."),
        (8, "TI - Of no record", "It belongs to no record (from TY to ER)."),
        (14, "TY - JOUR", "It has neither a title nor a journal."),
        (17, "not a DOI", "This is no DOI."),
    ]
    no_end = "Its last line (ER) is missing: is the file complete?"
    assert [
        (record.line, record.csl["title"], record.csl["type"], record.notices)
        for record in read_references(text).records
    ] == [
        (3, "First", "article-journal", ()),
        (9, "Second, without an end", "article-journal", (no_end,)),
        (11, "Third", "document", ("The type “NOVEL” is not known.",)),
        (17, "Fourth", "article-journal", (no_end,)),
    ]


def test_no_line_of_a_pubmed_file_gets_lost():
    text = "TI  - Before\n\nPMID- 999000001\nTI  - First\nno tag\n\nPMID- x\nTI  - Second\n"
    assert problems(text) == [
        (1, "TI - Before", "It belongs to no record: each begins with PMID."),
        (5, "no tag", "It has no tag, nor goes on with the line before."),
        (7, "x", "This is no PMID."),
    ]
    assert [record.csl["title"] for record in read_references(text).records] == ["First", "Second"]


def test_what_is_too_long_for_the_form_is_named():
    assert problems(ris("JOUR", f"TI  - {'long ' * 300}")) == [
        (1, ("long " * 300)[:200], "Its field “title” is too long.")
    ]


def test_a_thousand_records_and_no_more():
    text = ris("JOUR", "TI  - T", "JO  - J")
    assert len(read_references(text * 1000).records) == 1000
    with pytest.raises(UnreadableInput, match="This holds 1001 references; at most 1000"):
        read_references(text * 1001)
    with pytest.raises(UnreadableInput, match="This holds 1001 references; at most 1000"):
        read_references(nbib("TI  - T") * 1001)


# --- Encodings ------------------------------------------------------------------------------------

NAMES = "TY  - JOUR\nAU  - Müller-Łódź, Ægir\nTI  - “Größe”\nER  - "


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode(encoding):
    assert decode(NAMES.encode(encoding)) == NAMES


def test_windows_1252():
    text = NAMES.replace("Ł", "L").replace("ź", "z")
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    "content", [b"TY  - JOUR\0", b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\0", b"\x81\x8d\x8f"]
)
def test_what_is_no_text(content):
    with pytest.raises(UnreadableInput, match="This is no text file"):
        decode(content)


def test_control_characters_do_not_reach_the_database():
    text = ris("JOUR", "TI  - A\x01 B\u200b \u2028C\x9f", "AU  - E\x00xemplar, A\ufeffda")
    csl = only(text).csl
    assert csl["title"] == "A B C"
    assert csl["author"] == [{"family": "E xemplar", "given": "A da"}]
