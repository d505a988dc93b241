import pytest
from hypothesis import given
from hypothesis import strategies as st

from articles.models import Article, LearningObjective
from articles.objectives import banned_verb, objective_warnings, proposed_level
from tests.articles.desk_forms import ADD, change_url, form_data
from tests.factories import PublishableArticleFactory, TopicFactory


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


@pytest.mark.parametrize(
    ("objective", "level"),
    [
        ("Cite a finding.", "remember"),
        ("To explain a hazard ratio", "understand"),
        ("Correctly calculate the number needed to treat.", "apply"),
        ("compare two curves", "analyse"),
        ("Appraise a trial.", "evaluate"),
        ("“Design” a protocol", "create"),
        ("Wonder about curves.", ""),
        ("Understand curves.", ""),
        ("42", ""),
        ("", ""),
    ],
)
def test_the_level_follows_from_the_first_verb(objective, level):
    assert proposed_level(objective) == level


UNKNOWN = (
    "It does not begin with a verb that we know as measurable, such as “interpret” or “compare”."
)


@pytest.mark.parametrize(
    ("objective", "warnings"),
    [
        ("Interpret a hazard ratio and its confidence interval.", []),
        ("Describe benefit and rate of response.", []),
        ("Describe safety and use.", []),
        (
            "Interpret and explain a hazard ratio.",
            ["It asks for two things (“and explain”): make it two objectives."],
        ),
        (
            "Interpret a hazard ratio and to critically appraise the trial.",
            ["It asks for two things (“and appraise”): make it two objectives."],
        ),
        (
            "Explain a curve and understand its limits.",
            ["It asks for two things (“and understand”): make it two objectives."],
        ),
        ("Wonder about curves.", [UNKNOWN]),
        # Its own message says more, and it blocks.
        ("Understand curves.", []),
    ],
)
def test_what_an_editor_is_warned_of(objective, warnings):
    assert objective_warnings(objective) == warnings


@given(st.text(max_size=300))
def test_any_text_is_judged(text):
    assert proposed_level(text) in {"", *LearningObjective.BloomLevel.values}
    assert all(objective_warnings(text))
    if banned_verb(text):
        assert proposed_level(text) == ""


@pytest.mark.django_db
def test_the_form_stores_the_level_and_keeps_what_the_editor_chose(desk):
    objectives = [
        {"position": 1, "text": "Compare two curves."},
        {"position": 2, "text": "Compare two more curves.", "bloom_level": "evaluate"},
        {"position": 3, "text": "Wonder about curves."},
    ]
    response = desk.post(ADD, form_data(TopicFactory(), objectives=objectives), follow=True)
    article = Article.objects.get()
    assert list(article.objectives.values_list("bloom_level", flat=True)) == [
        "analyse",
        "evaluate",
        "",
    ]
    assert f"Learning objective “Wonder about curves.”: {UNKNOWN}" in [
        str(message) for message in response.context["messages"]
    ]


@pytest.mark.django_db
def test_the_form_warns_of_an_abbreviation_that_never_occurs(desk):
    article = PublishableArticleFactory()
    rows = [{"short": "ORR", "long": "overall response rate"}]
    data = form_data(article.topics.get(), abbreviations=rows)
    response = desk.post(change_url(article), data, follow=True)
    assert "The abbreviation “ORR” does not occur in the text." in [
        str(message) for message in response.context["messages"]
    ]
