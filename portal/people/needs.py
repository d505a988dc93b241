"""Whose disclosure is still needed. Higher rooms say so; this one knows no article.

A condition is a function that returns a condition on people (a ``Q`` or an ``Exists``), made anew
each time. Apps register theirs in ``AppConfig.ready()``; as long as none has, everybody counts.
"""

from collections.abc import Callable

from django.db.models import Exists, Q, QuerySet

from .models import Person

Condition = Callable[[], Q | Exists]
_conditions: list[Condition] = []


def register_need(condition: Condition) -> Condition:
    """Count who meets ``condition`` among those whose disclosure is needed."""
    _conditions.append(condition)
    return condition


def needed_people() -> QuerySet[Person]:
    """Return the people whose disclosure somebody needs, by name."""
    needed = Q()
    for condition in _conditions:
        needed |= Q(condition())
    return Person.objects.filter(needed)
