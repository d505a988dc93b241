"""The letters of the places where a reference is cited."""

import pytest

from articles.templatetags.articles import letter


@pytest.mark.parametrize(
    ("number", "letters"), [(1, "a"), (2, "b"), (26, "z"), (27, "aa"), (52, "az"), (53, "ba")]
)
def test_a_place_has_a_letter(number, letters):
    assert letter(number) == letters
