from django import template
from django.template.defaultfilters import stringfilter

from articles import typography
from articles.models import Topic, topic_tree

register = template.Library()


@register.simple_tag
def topic_navigation() -> list[Topic]:
    """Return the topics of the site's navigation (0 queries once remembered)."""
    return topic_tree().in_use


@register.filter
def letter(number: int) -> str:
    """Return the letter of a place in a list: 1 is "a", 27 is "aa"."""
    letters = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("a") + place) + letters
    return letters


# They put in spaces and joiners alone: what was safe stays so.
register.filter("typeset", stringfilter(typography.typeset), is_safe=True)
register.filter("whole_names", stringfilter(typography.whole_names), is_safe=True)
