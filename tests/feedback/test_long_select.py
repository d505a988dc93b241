"""Long lists of choices are Django's own, only written faster."""

from html.parser import HTMLParser

import pytest
import time_machine
from django import forms
from django.urls import reverse

from feedback.results.forms import LongSelect
from portal.people.models import Person
from tests.factories import published_article

from .builders import answer, refresh_tallies
from .desk import MARCH, TODAY, at

CHOICES = [
    ("", "All"),
    (7, "Seven"),
    ("a&b", "A & <b>"),
    ("Parts", [("x:1", "“One”"), ("x:", "not stated")]),
]


class Select(HTMLParser):
    """What a browser makes of a list: its attributes and (group, value, is chosen, label)."""

    def __init__(self, html):
        super().__init__()
        self.attributes, self.options, self.group, self.is_option = {}, [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.is_option = tag == "option"
        if tag == "select":
            self.attributes[attrs["name"]] = attrs
        elif tag == "optgroup":
            self.group = attrs["label"]
        elif tag == "option":
            self.options.append([self.group, attrs["value"], "selected" in attrs, ""])

    def handle_endtag(self, tag):
        self.is_option = False
        if tag == "optgroup":
            self.group = ""

    def handle_data(self, data):
        if self.is_option:
            self.options[-1][3] += data.strip()


@pytest.mark.parametrize("value", [None, "", 7, "7", "a&b", "x:", "nothing of the kind"])
def test_it_says_what_djangos_own_says(value):
    attrs = {"id": "id_list", "required": True, "aria-describedby": 'a "b"'}
    ours, djangos = (
        Select(kind(choices=CHOICES).render("list", value, attrs))
        for kind in (LongSelect, forms.Select)
    )
    assert len(djangos.options) == 5
    assert (ours.attributes, ours.options) == (djangos.attributes, djangos.options)


@pytest.mark.django_db
def test_the_lists_of_the_page_of_results_can_be_chosen_from(staff):
    with time_machine.travel(TODAY, tick=False):
        article = published_article()
        answer(article, [[5, 5, 5, 5]] * 12, submitted_at=at(MARCH), country="GB")
        refresh_tallies()
        page = staff.get(
            reverse("admin:feedback_results"), {"readers": "country:GB", "month": "2026-03"}
        )
    found = Select(page.content.decode())
    assert {"topic", "author", "month", "readers"} <= found.attributes.keys()
    author = Person.objects.get()
    assert ["", str(author.pk), False, author.name] in found.options
    assert ["", "2026-03", True, "March 2026"] in found.options
    assert ["Country", "country:GB", True, "United Kingdom"] in found.options
