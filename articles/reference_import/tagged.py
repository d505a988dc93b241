"""Lines of the shape "TAG - value", of which both RIS and PubMed's files consist.

rispy and nbib read them, too, but say nothing of what they leave out (rispy: the text between
records, a record without an end) or give up at the first such line (nbib, last released in 2021).
Here no line gets lost: each is a field's, or is reported.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class TaggedField:
    tag: str
    value: str
    line: int


@dataclass(slots=True)
class TaggedRecord:
    fields: list[TaggedField] = field(default_factory=list)

    @property
    def line(self) -> int:
        return self.fields[0].line

    @property
    def title_line(self) -> str:
        """A line by which an editor recognises the record."""
        first = self.fields[0]
        return self.first("TI", "T1", "BTI") or f"{first.tag} - {first.value}"

    def all(self, *tags: str) -> list[str]:
        """Return the values of the fields with one of ``tags``, in the order of the file."""
        return [entry.value for entry in self.fields if entry.tag in tags and entry.value]

    def first(self, *tags: str) -> str:
        """Return the first value of the first of ``tags`` that has one, or an empty string."""
        return next((value for tag in tags for value in self.all(tag)), "")


def read_fields(
    text: str, tag_line: re.Pattern[str], more: re.Pattern[str], end: str = ""
) -> Iterator[TaggedField]:
    """Yield the fields of ``text``, and with an empty tag each line that belongs to none.

    ``tag_line`` matches a line with groups for tag and value; ``more`` one that goes on with the
    field before it, which has another tag than ``end``. Empty lines are passed over.
    """
    current: TaggedField | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if not line.strip():
            continue
        if match := tag_line.match(line):
            if current:
                yield current
            current = TaggedField(match[1], (match[2] or "").strip(), number)
        elif current and current.tag != end and more.match(line):
            current.value = f"{current.value} {line.strip()}".strip()
        else:
            if current:
                yield current
            current = None
            yield TaggedField("", line.strip(), number)
    if current:
        yield current
