"""What an import would bring, and bringing it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from string import ascii_lowercase

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from articles.models import Article, Reference
from articles.references import Csl, format_vancouver, is_retracted
from portal.accounts.models import User

from .records import Record

# As many as an editor's form can show and send back.
MAX_REFERENCES = 400
_STEM_LENGTH = 36
_NOT_DECOMPOSED = str.maketrans(
    {"ø": "o", "Ø": "O", "ß": "ss", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "\u2019": "", "'": ""}
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One source of an import, before anything is stored.

    ``duplicate``: why it need not be taken, in words; empty for a new source.
    """

    csl: Csl
    key: str
    line: int
    text: str
    is_retracted: bool
    duplicate: str
    notices: tuple[str, ...]


class _Known:
    """The sources that an article has, found by DOI, PMID, or first author, year and title."""

    def __init__(self, references: Iterable[Reference]) -> None:
        self._marks: dict[tuple[str, str], tuple[str, Csl]] = {}
        self.keys: set[str] = set()
        for reference in references:
            self.add(reference.key, reference.csl)

    def add(self, key: str, csl: Csl) -> None:
        self.keys.add(key.casefold())
        for mark in _marks(csl):
            self._marks.setdefault(mark, (key, csl))

    def find(self, csl: Csl) -> tuple[object, str] | None:
        """Return (what is the same, key of the source), or None for a new source."""
        for mark in _marks(csl):
            if mark in self._marks and not _differ(csl, self._marks[mark][1]):
                return _SAME[mark[0]], self._marks[mark][0]
        return None


_SAME = {
    "DOI": gettext_lazy("same DOI"),
    "PMID": gettext_lazy("same PMID"),
    "title": gettext_lazy("same author, year and title"),
}


def _marks(csl: Csl) -> list[tuple[str, str]]:
    marks = [(name, str(csl[name]).casefold()) for name in ("DOI", "PMID") if csl.get(name)]
    title = str(csl.get("title") or csl.get("container-title") or "")
    if letters := re.sub(r"\W+", "", title.casefold()):
        marks.append(("title", f"{key_stem(csl)} {letters}"))
    return marks


def _differ(one: Csl, other: Csl) -> bool:
    """Whether both have a DOI (or a PMID) and not the same: a correction may repeat a title."""
    return any(
        one.get(name)
        and other.get(name)
        and str(one[name]).casefold() != str(other[name]).casefold()
        for name in ("DOI", "PMID")
    )


def key_stem(csl: Csl) -> str:
    """Return "erbella2025": who wrote the source first (or its title's first word), and when."""
    authors = csl.get("author") or csl.get("editor")
    first = authors[0] if isinstance(authors, list) and authors else None
    name = first if isinstance(first, dict) else {}
    if family := "".join(_words(name.get("family"))):
        stem = family
    else:
        words = _words(name.get("literal")) or _words(csl.get("title")) or ["source"]
        # Of a group's name or a title the first word that is none like "the".
        stem = next((word for word in words if len(word) > len("the")), words[0])
    try:
        year = str(int(csl["issued"]["date-parts"][0][0]))
    except (KeyError, IndexError, TypeError, ValueError):
        year = ""
    return f"{stem[:_STEM_LENGTH]}{year[:4]}"


def _words(text: object) -> list[str]:
    """Return the words of ``text`` in plain Latin letters, as far as it has any."""
    plain = str(text or "").translate(_NOT_DECOMPOSED)
    return [word for word in re.split(r"[-_]+", slugify(plain)) if word]


def unique_key(stem: str, taken: set[str]) -> str:
    """Return ``stem``, or with a, b … z, a2 … behind it, as is not among ``taken`` (casefolded)."""
    if stem not in taken:
        return stem
    for round_number in count(1):
        for letter in ascii_lowercase:
            key = f"{stem}{letter}{'' if round_number == 1 else round_number}"
            if key not in taken:
                return key
    raise AssertionError  # pragma: no cover - there is no last number


def prepare_import(article: Article, records: Sequence[Record]) -> list[Candidate]:
    """Return what importing ``records`` into ``article`` would bring (1 query)."""
    known = _Known(article.references.all())
    candidates = []
    for record in records:
        same = known.find(record.csl)
        key = unique_key(key_stem(record.csl), known.keys) if same is None else same[1]
        if same is None:
            known.add(key, record.csl)
        candidates.append(
            Candidate(
                csl=record.csl,
                key=key,
                line=record.line,
                text=format_vancouver(record.csl),
                is_retracted=is_retracted(record.csl),
                duplicate=_("Here already as “%(key)s”: %(what)s.")
                % {"key": same[1], "what": same[0]}
                if same
                else "",
                notices=record.notices,
            )
        )
    return candidates


@transaction.atomic
def import_references(
    *, article: Article, user: User, sources: Sequence[Csl]
) -> tuple[list[Reference], int]:
    """Add ``sources`` to the draft, each with a key of its own; those that it has are passed over.

    Returns the new references and how many sources were there already. Raises ``PermissionDenied``
    for a user who may not change articles and for a withdrawn article, ``ValueError`` if there
    would be more than ``MAX_REFERENCES``. 4 queries, and those for the user's permissions.
    """
    if not user.has_perm("articles.change_article"):
        raise PermissionDenied
    # Two confirmations at once wait for each other: the second finds what the first has stored.
    draft = Article.objects.select_for_update(of=("self",)).get(pk=article.pk)
    if draft.status == Article.Status.WITHDRAWN:
        raise PermissionDenied
    known = _Known(draft.references.all())
    there = len(known.keys)
    new = []
    for csl in sources:
        if known.find(csl) is None:
            key = unique_key(key_stem(csl), known.keys)
            known.add(key, csl)
            new.append(Reference(article=draft, key=key, csl=csl))
    if there + len(new) > MAX_REFERENCES:
        raise ValueError(f"More than {MAX_REFERENCES} references")
    if new:
        Reference.objects.bulk_create(new)
        draft.save(update_fields=["updated_at"])
    return new, len(sources) - len(new)
