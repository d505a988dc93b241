import pytest

from articles.objectives import banned_verb


@pytest.mark.parametrize(
    ("objective", "verb"),
    [
        ("Understand hazard ratios.", "understand"),
        ("To know the guideline", "know"),
        ("be familiar with CAR T-cell therapy", "be familiar with"),
        ("Better appreciate the evidence", "appreciate"),
        ("Fully understand the evidence", "understand"),
        ("“Learn” about it", "learn"),
        ("Interpret a hazard ratio.", ""),
        ("Cite what is known about late failure.", ""),
        ("Explain how patients learn", ""),
        ("", ""),
    ],
)
def test_verbs_that_cannot_be_measured(objective, verb):
    assert banned_verb(objective) == verb
