"""The three kinds of doors: every view is closed to whoever has not attested, unless it says so.

The marks live here so that every app may use them; ``portal.attestation.middleware`` reads them.
"""

from typing import Any, TypeVar

V = TypeVar("V", bound=Any)


def public(view: V) -> V:
    """Open ``view`` (a function, or what ``as_view()`` returns) to everybody."""
    view.door = "public"
    return view


def teaser(teaser_view: Any) -> Any:
    """Return a decorator: whoever has not attested gets ``teaser_view`` instead of the closed view.

    The closed view is then not run at all, so its content cannot leak.
    """

    def decorate(view: V) -> V:
        view.door = teaser_view
        return view

    return decorate
