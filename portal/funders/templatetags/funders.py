from django import template

from portal.funders.disclosure import FundingStatement, current_funding_statement

register = template.Library()


@register.simple_tag
def funding_statement() -> FundingStatement:
    """Return today's funding statement (``support``, ``influence``, ``order``)."""
    return current_funding_statement()
