"""The pairs of colours that the style sheets put together, read from the sheets themselves.

A rule that names a text's colour and its ground makes a pair. A rule that names a colour alone may
stand on every open ground: one on which no rule says what colour its text has.
"""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from django.conf import settings

from .tokens import declarations

TEXT = 4.5
MARK = 3.0  # borders of fields, focus rings, generated strokes (1.4.11)
# Parts what stands apart already; nobody needs to see it.
DECORATION = {"--rule"}

# What a screen shows: print is black on white.
SHEETS = [
    path for path in Path(settings.BASE_DIR, "static/css").glob("*.css") if path.stem != "print"
]
RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
TOKEN = re.compile(r"var\((--[\w-]+)\)")
STATE = re.compile(r":(?:hover|focus|focus-visible|target|has\([^()]*\))$")
COLOUR = re.compile(r"#|color-mix\(|var\(--[\w-]+\)$")
EDGES = re.compile(r"border[\w-]*|outline|accent-color")

Rule = tuple[list[str], dict[str, str]]
Pair = tuple[str, str, float]


def rules() -> Iterator[Rule]:
    """Yield the selectors and the declarations of each rule of all sheets."""
    for path in SHEETS:
        css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for selectors, body in RULE.findall(css):
            yield re.split(r",\s*(?![^()]*\))", selectors.strip()), dict(DECLARATION.findall(body))


def pairs() -> list[Pair]:
    """Return each pair as what stands in front, its ground, and the least contrast."""
    found = _Pairs(list(rules()))
    return sorted(found.text | found.marks)


class _Pairs:
    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._tokens = {
            name for name, value in declarations()["light"].items() if COLOUR.match(value)
        }
        # A sheet's own variable, whatever any rule sets it to.
        self._local: dict[str, set[str]] = {}
        for _selectors, body in rules:
            for name in body:
                if name.startswith("--") and name not in self._tokens:
                    self._local.setdefault(name, set()).add(body[name])
        self._colours: dict[str, set[str]] = {}
        for selectors, body in rules:
            for selector in selectors:
                self._colours.setdefault(selector, set()).update(self._of(body, "color"))
        self.text: set[Pair] = set()
        self.open = {"--paper"}
        self._read_grounds()
        self.marks: set[Pair] = set()
        self._read_what_stands_alone()

    def _of(self, body: dict[str, str], name: str) -> set[str]:
        return self._expand(body.get(name, ""))

    def _expand(self, value: str) -> set[str]:
        """The tokens that ``value`` may stand for."""
        found = set()
        for name in TOKEN.findall(value):
            if name in self._tokens:
                found.add(name)
            for other in self._local.get(name, ()):
                found |= self._expand(other)
        return found

    def _grounds(self, body: dict[str, str]) -> set[str]:
        return self._of(body, "background") | self._of(body, "background-color")

    def _read_grounds(self) -> None:
        for selectors, body in self._rules:
            grounds = self._grounds(body)
            colours = self._of(body, "color")
            for selector in () if colours else selectors:
                # Under the pointer a button has another ground, and keeps its text's colour.
                colours |= self._colours.get(STATE.sub("", selector), set())
            if colours:
                self.text |= {(*pair, TEXT) for pair in product(colours, grounds)}
            elif body.get("content") != '""':  # a coloured bar holds no text
                self.open |= grounds

    def _read_what_stands_alone(self) -> None:
        for selectors, body in self._rules:
            grounds = self._grounds(body)
            for colour in () if grounds else self._of(body, "color"):
                is_generated = all("::" in selector for selector in selectors)
                least = MARK if is_generated else TEXT
                target = self.marks if is_generated else self.text
                # "--on-panel" says itself where it stands.
                own = {colour.replace("--on-", "--")} if colour.startswith("--on-") else self.open
                target |= {(colour, ground, least) for ground in own}
            edges = {edge for name in body if EDGES.match(name) for edge in self._of(body, name)}
            for edge in edges - DECORATION - self.open - grounds:
                self.marks |= {(edge, ground, MARK) for ground in self.open}
