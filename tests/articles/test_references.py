"""ICMJE, "Samples of Formatted References of Medical Journals", and what reality leaves out."""

import pytest

from articles.references import format_vancouver, reference_links

JOURNAL = {
    "type": "article-journal",
    "author": [
        {"family": "Halpern", "given": "Scott D."},
        {"family": "Ubel", "given": "Peter A."},
        {"family": "Caplan", "given": "Arthur L."},
    ],
    "title": "Solid-organ transplantation in HIV-infected patients",
    "container-title": "N Engl J Med",
    "issued": {"date-parts": [[2002, 7, 25]]},
    "volume": "347",
    "issue": "4",
    "page": "284-287",
}

CASES = {
    "standard journal article": (
        JOURNAL,
        (
            "Halpern SD, Ubel PA, Caplan AL. Solid-organ transplantation in HIV-infected patients. "
            "N Engl J Med. 2002 Jul 25;347(4):284-7."
        ),
    ),
    "more than six authors": (
        {
            "type": "article-journal",
            "author": [
                {"family": "Rose", "given": "M E"},
                {"family": "Huerbin", "given": "M B"},
                {"family": "Melick", "given": "J"},
                {"family": "Marion", "given": "D W"},
                {"family": "Palmer", "given": "A M"},
                {"family": "Schiding", "given": "J K"},
                {"family": "Kochanek", "given": "P M"},
            ],
            "title": "Regulation of interstitial excitatory amino acid concentrations after "
            "cortical contusion injury",
            "container-title": "Brain Res",
            "issued": {"date-parts": [[2002]]},
            "volume": "935",
            "issue": "1-2",
            "page": "40-46",
        },
        (
            "Rose ME, Huerbin MB, Melick J, Marion DW, Palmer AM, Schiding JK, et al. Regulation "
            "of interstitial excitatory amino acid concentrations after cortical contusion injury. "
            "Brain Res. 2002;935(1-2):40-6."
        ),
    ),
    "organisation as author": (
        {
            "type": "article-journal",
            "author": [{"literal": "Diabetes Prevention Program Research Group"}],
            "title": "Hypertension, insulin, and proinsulin in participants with impaired glucose "
            "tolerance",
            "container-title": "Hypertension",
            "issued": {"date-parts": [["2002"]]},
            "volume": 40,
            "issue": 5,
            "page": "679-686",
        },
        (
            "Diabetes Prevention Program Research Group. Hypertension, insulin, and proinsulin in "
            "participants with impaired glucose tolerance. Hypertension. 2002;40(5):679-86."
        ),
    ),
    "book": (
        {
            "type": "book",
            "author": [
                {"family": "Murray", "given": "P R"},
                {"family": "Rosenthal", "given": "K S"},
                {"family": "Kobayashi", "given": "G S"},
                {"family": "Pfaller", "given": "M A"},
            ],
            "title": "Medical microbiology",
            "edition": "4th",
            "publisher": "Mosby",
            "publisher-place": "St. Louis",
            "issued": {"date-parts": [[2002]]},
        },
        (
            "Murray PR, Rosenthal KS, Kobayashi GS, Pfaller MA. Medical microbiology. 4th ed. "
            "St. Louis: Mosby; 2002."
        ),
    ),
    "chapter": (
        {
            "type": "chapter",
            "author": [
                {"family": "Meltzer", "given": "P S"},
                {"family": "Kallioniemi", "given": "A"},
                {"family": "Trent", "given": "J M"},
            ],
            "title": "Chromosome alterations in human solid tumors",
            "editor": [
                {"family": "Vogelstein", "given": "B"},
                {"family": "Kinzler", "given": "K W"},
            ],
            "container-title": "The genetic basis of human cancer",
            "publisher-place": "New York",
            "publisher": "McGraw-Hill",
            "issued": {"date-parts": [[2002]]},
            "page": "93-113",
        },
        (
            "Meltzer PS, Kallioniemi A, Trent JM. Chromosome alterations in human solid tumors. "
            "In: Vogelstein B, Kinzler KW, editors. The genetic basis of human cancer. "
            "New York: McGraw-Hill; 2002. p. 93-113."
        ),
    ),
    "web site": (
        {
            "type": "webpage",
            "title": "Cancer-Pain.org",
            "publisher-place": "New York",
            "publisher": "Association of Cancer Online Resources, Inc.",
            "issued": {"date-parts": [[2000]]},
            "accessed": {"date-parts": [[2002, 7, 9]]},
            "URL": "http://www.cancer-pain.org/",
        },
        (
            "Cancer-Pain.org [Internet]. New York: Association of Cancer Online Resources, Inc.; "
            "2000 [cited 2002 Jul 9]. Available from: http://www.cancer-pain.org/."
        ),
    ),
    "no year, no volume: nothing is invented": (
        {
            "type": "article-journal",
            "author": [{"family": "Erbella"}, {"literal": "et al."}],
            "container-title": "Blood Advances",
        },
        "Erbella, et al. Blood Advances.",
    ),
    "a title that ends in a question mark, a particle, a hyphenated name": (
        {
            "type": "article-journal",
            "author": [
                {"family": "Berg", "non-dropping-particle": "van der", "given": "Jean-Paul"}
            ],
            "title": "Does it work?",
            "container-title": "Lancet",
        },
        "van der Berg JP. Does it work? Lancet.",
    ),
    "identifiers": (
        {**JOURNAL, "author": [], "DOI": "10.1056/NEJMsb020632", "PMID": "12140307"},
        (
            "Solid-organ transplantation in HIV-infected patients. N Engl J Med. 2002 Jul 25;"
            "347(4):284-7. doi: 10.1056/NEJMsb020632. PubMed PMID: 12140307."
        ),
    ),
}


@pytest.mark.parametrize(("csl", "expected"), CASES.values(), ids=CASES.keys())
def test_vancouver(csl, expected):
    assert format_vancouver(csl) == expected


@pytest.mark.parametrize(
    "csl",
    [
        {},
        {"author": "Smith", "issued": "2002", "title": ["x"]},
        {"author": [None, {"family": None}], "issued": {"date-parts": []}},
        {"issued": {"date-parts": [[None, 13]]}, "editor": {}, "type": "chapter"},
        {"issued": {"date-parts": [[2002, 13, 1]]}, "type": "webpage", "URL": "http://[x"},
    ],
)
def test_nonsense_is_left_out_and_breaks_nothing(csl):
    assert "None" not in format_vancouver(csl)
    assert reference_links(csl) == []


def test_links_lead_to_the_source_and_nowhere_else():
    assert reference_links({"DOI": '10.1/a b"<', "PMID": "12", "URL": "https://x.org"}) == [
        ("DOI", "https://doi.org/10.1/a%20b%22%3C"),
        ("PubMed", "https://pubmed.ncbi.nlm.nih.gov/12/"),
    ]
    assert reference_links({"URL": "https://x.org/a"}) == [("Website", "https://x.org/a")]
    assert reference_links({"URL": "javascript:alert(1)", "PMID": "12/../"}) == []
