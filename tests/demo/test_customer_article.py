# ruff: noqa: RUF001 - the dashes and minus signs of the text are the point
"""The customer's article is told anew: every figure of it, no other, and none of its sentences."""

import re

import pytest

from articles.references import format_vancouver
from portal.core.rich_text import plain_text
from portal.demo.reading import ArticleData, read_articles

SLUG = "late-failure-after-car-t-cell-therapy"

# The figures of the customer's page, by hand. "2" also stands in PFS-2 and OS-2; "95%" is the
# level of the confidence intervals; "12" and "3" are months.
FIGURES = {
    *("298", "3", "68.8%", "84.6%", "2", "59.3%"),
    *("76.5%", "22.6%", "18%"),
    *("13.8", "4.4", "95%", "3.8", "5.8", "13.2", "9.6", "18"),
    *("0.350", "0.193", "0.633", "0.0005"),
    *("0.483", "0.290", "0.805"),
    *("12", "41.5%"),
}

# What must stand together, or a figure would be said of the wrong thing.
STATEMENTS = (
    "more than 3 months after",
    "298 patients",
    "diffuse large B-cell lymphoma as the diagnosis: 68.8%",
    "advanced stage of the disease: 84.6%",
    "an aaIPI of 2–3 (age-adjusted International Prognostic Index): 59.3%",
    "76.5% of patients went on to a systemic therapy",
    "a response in 22.6% (overall response rate)",
    "a complete response in 18%",
    "(PFS-2) was 4.4 months (95% confidence interval [CI], 3.8–5.8)",
    "(OS-2) was 13.2 months (95% CI, 9.6–18)",
    "follow-up since the first late failure was 13.8 months",
    "chemotherapy 0.350 0.193–0.633 0.0005",
    "pooled 0.483 0.290–0.805",
    "41.5% had a PFS-2 of at least 12 months",
)

PAGE = """
Late failure outcomes post CAR T-cell therapy in LBCL: A real-world study.
After reading this article, learners will be able to cite a new clinical development in large
B-cell lymphoma.
A retrospective cohort study from the DESCAR-T registry analyzed features, treatments, and outcomes
of 298 patients with large B-cell lymphoma (LBCL) who experienced late failure, defined as
progression or relapse occurring >3 months after chimeric antigen receptor (CAR) T-cell therapy.
Most patients had diffuse large B-cell lymphoma (DLBCL; 68.8%), advanced stage disease (84.6%), and
an age-adjusted International Prognostic Index (aaIPI) of 2–3 (59.3%) at CAR T-cell eligibility. The
primary endpoints assessed were progression-free survival 2 (PFS-2) and overall survival 2 (OS-2).
Findings were published by Erbella et al. in Blood Advances.
After late failure, 76.5% of patients received a systemic therapy, with an overall response rate
(ORR) of 22.6% and a complete response rate (CRR) of 18%. At a median follow-up of 13.8 months since
the first late failure event, the median PFS-2 and OS-2 were 4.4 months (95% confidence interval
[CI], 3.8–5.8 months) and 13.2 months (95% CI, 9.6–18 months), respectively. Bispecific antibodies
(BsAbs) demonstrated superior PFS-2 compared with chemotherapy (hazard ratio [HR], 0.350; 95% CI,
0.193–0.633; p = 0.0005) and pooled other treatment groups (HR, 0.483; 95% CI, 0.290–0.805).
Radiotherapy achieved durable responses with a 12-month PFS-2 rate of 41.5% in evaluable patients.
The findings show that outcomes remain poor in patients with LBCL and late failure after CAR T-cell
therapy. BsAbs represent the most effective salvage strategy in this population, achieving superior
PFS-2 compared with other treatments.
"""


@pytest.fixture(scope="module")
def article() -> ArticleData:
    (article,) = (article for article in read_articles() if article["slug"] == SLUG)
    return article


@pytest.fixture(scope="module")
def text(article) -> str:
    return " ".join(
        [
            article["title"] + ".",
            article["summary"],
            *article["objectives"],
            *(section["heading"] for section in article["sections"]),
            *(plain_text(section["body"]) for section in article["sections"]),
        ]
    )


def figures_in(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?%?", text))


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w.%–-]*\w%?", text.lower())


def test_figures_are_those_of_the_page(text):
    assert figures_in(text) == FIGURES


def test_list_of_figures_is_that_of_the_page():
    assert figures_in(PAGE) == FIGURES


@pytest.mark.parametrize("statement", STATEMENTS)
def test_figure_is_said_of_the_right_thing(text, statement):
    assert statement in text


def test_shares_no_run_of_eight_words_with_the_page(text):
    def runs(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}

    assert runs(words_of(text)) & runs(words_of(PAGE)) == set()


def test_reference_says_no_more_than_the_page(article):
    (reference,) = article["references"]
    assert reference["key"] == "erbella"
    assert format_vancouver(reference["csl"]) == "Erbella et al. Blood Advances."


def test_byline_and_day(article):
    assert article["authors"] == ["ada-exemplar"]
    assert article["published_on"].isoformat() == "2025-12-01"
    assert len(article["objectives"]) == 1
