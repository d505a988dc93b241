"""How sanitised rich text stands on a page."""

from django import template

register = template.Library()


@register.filter
def below_title(html: str) -> str:
    """Return the rich text of a plain page, its headings one level up.

    Editors write h3 and h4, because an article's sections have an h2 of their own. Right below
    the title of a page that would skip a level. ``html`` comes from a ``RichTextField``: its
    headings have no attributes.
    """
    for editors, pages in (("h3", "h2"), ("h4", "h3")):
        html = html.replace(f"<{editors}>", f"<{pages}>").replace(f"</{editors}>", f"</{pages}>")
    return html
