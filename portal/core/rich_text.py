"""Rich text: one list of what editors may write, enforced on the server (nh3)."""

import html
import re
from typing import Any

from django.db import models
from django.utils.html import strip_tags
from django_prose_editor.fields import ProseEditorField, create_sanitizer

# Extension names of django-prose-editor. The same list drives the editor's buttons and the
# sanitiser, so what can be written and what is kept cannot drift apart.
EXTENSIONS: dict[str, Any] = {
    "Bold": True,
    "Italic": True,
    "Subscript": True,
    "Superscript": True,
    "Heading": {"levels": [3, 4]},
    "BulletList": True,
    "OrderedList": True,
    "ListItem": True,
    "Blockquote": True,
    "Link": {"enableTarget": False, "protocols": ["http", "https", "mailto"]},
    "Table": True,
    "TableRow": True,
    "TableHeader": True,
    "TableCell": True,
    "HardBreak": True,
    # Shows hard spaces and soft hyphens, which text from Word is full of.
    "SpecialCharacters": True,
}

_clean = create_sanitizer(EXTENSIONS)

# A word goes on across <sub> or <strong>, but not across one of these.
_WORD_BOUNDARY = re.compile(r"<(?=/?(?:p|br|li|ul|ol|h3|h4|blockquote|table|tr|td|th)\b)")


def sanitize_rich_text(value: str) -> str:
    """Return ``value`` (HTML of any origin) with only what EXTENSIONS allows, well formed."""
    return str(_clean(value))


def plain_text(value: str) -> str:
    """Return the words of sanitised HTML, separated by single spaces."""
    return " ".join(html.unescape(strip_tags(_WORD_BOUNDARY.sub(" <", value))).split())


class RichTextField(ProseEditorField):  # type: ignore[misc]
    """Sanitised HTML in a text column, cleaned when a form *and* when a row is saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("extensions", EXTENSIONS)
        kwargs.setdefault("sanitize", True)
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Sanitise on every path that saves a row, not only where a form is cleaned."""
        value = self.sanitize(getattr(model_instance, self.attname) or "")
        setattr(model_instance, self.attname, value)
        return str(value)
