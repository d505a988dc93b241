"""What the rich-text editor needs on the admin's form pages, and on those pages alone."""

from typing import Any

from csp.constants import NONCE, UNSAFE_INLINE
from csp.decorators import csp_update
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from js_asset import JSON, ImportMap, Media

from .special_characters import PALETTE

# The editor's import map is an inline script (nonce), and ProseMirror sets style attributes.
relax_csp = csp_update({"script-src": [NONCE], "style-src-attr": [UNSAFE_INLINE]})

# Ours runs between the library and its start: it keeps Tiptap from writing a <style> element,
# whose rules stand in our style sheet instead.
EDITOR_MEDIA = Media(
    importmap=ImportMap(
        {
            "paste-from-word": "js/paste_from_word.js",
            "special-characters": "js/special_characters.js",
        }
    ),
    css={"all": ["css/rich_text_editor.css"]},
    js=[
        JSON(PALETTE, id="special-characters"),
        Script("django_prose_editor/editor.js", type="module"),
        Script("js/rich_text_editor.js", type="module"),
        Script("django_prose_editor/configurable.js", type="module"),
    ],
)


@method_decorator(relax_csp, name="changeform_view")
class RichTextAdminMixin:
    """Put before ``ModelAdmin`` where a form holds a ``RichTextField``."""

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        may: bool = (
            self.has_add_permission(request)  # type: ignore[attr-defined]
            if obj is None
            else self.has_change_permission(request, obj)  # type: ignore[attr-defined]
        )
        return may

    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if not self._may_write(request, kwargs.get("obj")):
            # Without the field there is no editor to find, and the start of one would fail.
            return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc,no-any-return]
        media = Media.from_media(context["media"] + EDITOR_MEDIA, nonce=request.csp_nonce)  # type: ignore[attr-defined]
        response: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, {**context, "media": media}, *args, **kwargs
        )
        return response
