"""Tables: header cells say what they head; a table section holds one table, with a caption."""

import pytest
from django.db import IntegrityError, transaction

from articles.tables import table_problem, wrap_tables
from portal.core.rich_text import sanitize_rich_text
from tests.articles.desk_forms import ADD, errors, form_data, section
from tests.factories import PublishableArticleFactory, TopicFactory, publish

TABLE = (
    '<table><tbody><tr><th><p>Arm</p></th><th colspan="2"><p>ORR</p></th></tr>'
    "<tr><th><p>A</p></th><td><p>22.6%</p></td><td><p>x</p></td></tr>"
    "<tr><td><p>B</p></td><td><p>18%</p></td><th><p>y</p></th></tr></tbody></table>"
)


def test_header_cells_say_what_they_head():
    assert wrap_tables(TABLE, caption="Responses <by> arm") == (
        '<div class="table-region" role="region" aria-label="Responses &lt;by&gt; arm" '
        'tabindex="0"><table><tbody>'
        '<tr><th scope="col"><p>Arm</p></th><th scope="col" colspan="2"><p>ORR</p></th></tr>'
        '<tr><th scope="row"><p>A</p></th><td><p>22.6%</p></td><td><p>x</p></td></tr>'
        '<tr><td><p>B</p></td><td><p>18%</p></td><th scope="col"><p>y</p></th></tr>'
        "</tbody></table></div>"
    )


def test_each_table_has_a_first_row_of_its_own():
    one = (
        "<table><thead><tr><th>A</th></tr></thead>"
        "<tbody><tr><th>B</th><td>1</td></tr></tbody></table>"
    )
    html = wrap_tables(one + one)
    assert html.count('<th scope="col">A</th>') == 2
    assert html.count('<th scope="row">B</th>') == 2


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        (TABLE, ""),
        (f"{TABLE}<p>CR: complete response.</p>", ""),
        ("<p>words</p>", "holds a table"),
        ("", "holds a table"),
        (TABLE + TABLE, "holds one table"),
        ("<table><tr><td>1</td></tr></table>", "no header cells"),
        ("<table><tr><th>1</th></tr></table>", "nothing but headers"),
    ],
)
def test_what_a_table_section_lacks_is_said(html, problem):
    said = table_problem(sanitize_rich_text(html))
    assert problem in said
    assert bool(said) == bool(problem)


@pytest.mark.django_db
def test_the_form_says_what_to_do(desk):
    data = form_data(
        TopicFactory(), sections=[section("<p>No table.</p>", kind="table", heading=" ")]
    )
    assert errors(desk.post(ADD, data)) == [
        "A table has a caption: write it as the heading.",
        "A section of the kind “table” holds a table: insert or paste one into its text.",
    ]


@pytest.mark.django_db
def test_the_database_keeps_the_caption():
    article = PublishableArticleFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        article.sections.create(position=9, kind="table", heading="", body=TABLE)


def test_a_table_is_numbered_and_named_by_its_caption(attested):
    article = PublishableArticleFactory()
    article.sections.create(position=8, kind="table", heading="Responses by arm", body=TABLE)
    article.sections.create(position=9, kind="table", heading="Once more", body=TABLE)
    publish(article)
    html = " ".join(attested.get(article.get_absolute_url()).content.decode().split())
    assert (
        '<section class="table-section" aria-labelledby="section-responses-by-arm"> '
        '<h2 id="section-responses-by-arm"> <span class="figure-number">Table 1.</span> '
        "Responses by arm </h2>"
    ) in html
    assert '<span class="figure-number">Table 2.</span> Once more' in html
    assert 'role="region" aria-label="Once more"' in html
    assert html.count('<th scope="row">') == 2
