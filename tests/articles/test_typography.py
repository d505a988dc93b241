import pytest
from django.template import Context, Template

from articles.models import ArticleVersion
from articles.typography import typeset, typeset_html, whole_names
from tests.factories import published_article

SPACE, JOINER, DASH = "\u00a0", "\u2060", "\u2013"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("after CAR T-cell therapy", f"after CAR{SPACE}T-{JOINER}cell therapy"),
        ("CAR T cells and B cells", f"CAR{SPACE}T{SPACE}cells and B{SPACE}cells"),
        ("large B-cell lymphoma", f"large B-{JOINER}cell lymphoma"),
        ("the DESCAR-T registry", f"the DESCAR-{JOINER}T registry"),
        ("PFS-2 and PET-CT", f"PFS-{JOINER}2 and PET-{JOINER}CT"),
        (f"3.8{DASH}5.8", f"3.8{DASH}{JOINER}5.8"),
        ("by Dr Ada Exemplar", f"by Dr{SPACE}Ada Exemplar"),
        ("12 months, 5 % of 298", f"12{SPACE}months, 5{SPACE}% of 298"),
    ],
)
def test_terms_hold_together(typed, shown):
    assert typeset(typed) == shown
    assert typeset(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a well-known made-up size-based measure",
        f"https://portal.example/b-cell/3{DASH}4 and www.a-b.example",
        f"doi: 10.1182/blood-a-1.2{DASH}3",
        "reader-a@b-c.example",
        "In 2020 patients were 5 times as many",
        f"Drive on {DASH} and on",
        "&nbsp;&lt;&amp;",
        "",
    ],
)
def test_everything_else_stays_as_it_was_typed(text):
    assert typeset(text) == text


def test_tags_and_what_they_hold_stay():
    html = '<p><a href="/b-cell/" title="Dr A">B-cell</a>, <strong>5</strong> mg</p>'
    assert typeset_html(html) == html.replace(">B-cell<", f">B-{JOINER}cell<")


def test_a_line_ends_between_two_names_alone():
    assert whole_names("Dr Ada Exemplar, B. Two") == f"Dr{SPACE}Ada{SPACE}Exemplar, B.{SPACE}Two"


def test_the_filter_leaves_escaping_to_the_template():
    template = Template("{% load articles %}{{ text|typeset }}")
    assert template.render(Context({"text": "<b> B-cell"})) == f"&lt;b&gt; B-{JOINER}cell"


@pytest.mark.django_db
def test_only_what_is_shown_is_changed(attested):
    article = published_article(title="After CAR T-cell therapy", summary="For Dr Ada.")
    page = attested.get(article.get_absolute_url()).content.decode()
    assert f"<h1>After CAR{SPACE}T-{JOINER}cell therapy</h1>" in page
    # The title of the window, the citation and the links to share keep what was typed.
    assert "<title>After CAR T-cell therapy " in page
    assert page.count(JOINER) == 1
    document = ArticleVersion.objects.get(article=article).document
    assert document["title"] == "After CAR T-cell therapy"
    found = attested.get("/search/?q=%22CAR+T-cell%22").content.decode()
    # The words that were found are marked one by one.
    assert article.get_absolute_url() in found
    assert f"For Dr{SPACE}Ada." in found
