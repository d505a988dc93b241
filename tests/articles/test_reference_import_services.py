"""Storing an import: queries, several confirmations at once, keys."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from articles.models import Reference
from articles.reference_import.reading import read_references
from articles.reference_import.services import (
    import_references,
    key_stem,
    prepare_import,
    unique_key,
)
from tests.factories import ArticleFactory, ReferenceFactory, UserFactory

from .test_reference_files import ris

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 3])
def test_number_of_queries(editor, count, django_assert_num_queries):
    article = ArticleFactory()
    for _number in range(count):
        ReferenceFactory(article=article)
    text = "".join(ris("JOUR", f"TI  - T{number}", "JO  - J") for number in range(count))
    records = read_references(text).records
    with django_assert_num_queries(1):
        prepare_import(article, records)
    editor.has_perm("articles.change_article")
    with django_assert_num_queries(6):  # two of them begin and end the transaction
        new, there = import_references(
            article=article, user=editor, sources=[record.csl for record in records]
        )
    assert (len(new), there) == (count, 0)


@pytest.mark.django_db(transaction=True)
def test_eight_confirmations_at_once_store_once():
    article = ArticleFactory()
    editor = UserFactory(group="Editors")

    def press(_number):
        try:
            new, _there = import_references(
                article=article, user=editor, sources=[{"title": "T", "DOI": "10.5555/t"}]
            )
        finally:
            connection.close()
        return len(new)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(press, range(8))) == [0] * 7 + [1]
    assert [reference.key for reference in article.references.all()] == ["t"]


# --- Keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("csl", "stem"),
    [
        ({"author": [{"family": "Erbella"}], "issued": {"date-parts": [[2025]]}}, "erbella2025"),
        ({"author": [{"family": "van der Berg"}]}, "vanderberg"),
        ({"author": [{"family": "Müller-Łódź"}]}, "mullerlodz"),
        ({"author": [{"family": "Størmer"}]}, "stormer"),
        ({"author": [{"family": "O’Neil"}]}, "oneil"),
        ({"author": [{"literal": "The DESCAR-T Group"}]}, "descar"),
        ({"editor": [{"family": "Specimen"}], "title": "T"}, "specimen"),
        ({"title": "A Fictitious Book", "issued": {"literal": "c2000"}}, "fictitious"),
        ({"author": [{"family": "王"}], "title": "王", "issued": {"date-parts": [[1]]}}, "source1"),
        ({"author": "x", "title": None}, "source"),
        ({"author": [{"family": "x" * 90}], "issued": {"date-parts": [[2025]]}}, "x" * 36 + "2025"),
    ],
)
def test_key_stem(csl, stem):
    assert key_stem(csl) == stem
    Reference._meta.get_field("key").run_validators(stem)


def test_keys_are_unique():
    taken = {"a2025"}
    for _number in range(53):
        taken.add(unique_key("a2025", taken))
    assert {"a2025", "a2025a", "a2025z", "a2025a2", "a2025z2", "a2025a3"} <= taken
    assert len(taken) == 54
