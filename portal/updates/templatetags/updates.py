from django import template

register = template.Library()


@register.inclusion_tag("updates/_subscribe_box.html")
def subscribe_box() -> dict[str, object]:
    """Show the way to the updates by e-mail (no query, no cookie)."""
    return {}
