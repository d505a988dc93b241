"""Figures in templates: what Django's own filters do, for hundreds of them on a page."""

import math
from datetime import date
from functools import lru_cache

from django import template
from django.utils import translation
from django.utils.dateformat import format as date_format

register = template.Library()


@register.filter
def whole(number: float) -> str:
    """Return a percentage without decimals; a half is rounded up. Not for numbers over 999."""
    return str(math.floor(number + 0.5))


@register.filter
def short_month(month: date) -> str:
    """Return "Oct 2026", in the active language."""
    return _short_month(month, translation.get_language() or "")


@lru_cache(maxsize=1000)
def _short_month(month: date, language: str) -> str:
    return date_format(month, "M Y")
