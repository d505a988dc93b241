"""What will go out when: higher rooms say what they are going to plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class UpcomingRow:
    """``cells``: one for each column, the first one the row's name; ``url``: where it leads."""

    cells: Sequence[str]
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingTable:
    """``numbers``: the last so many columns hold numbers; ``empty``: said where no row is."""

    title: str
    columns: Sequence[str]
    empty: str
    numbers: int = 0
    note: str = ""
    rows: Sequence[UpcomingRow] = field(default_factory=list)

    @property
    def first_number(self) -> int:
        """The place of the first column of numbers, from 0."""
        return len(self.columns) - self.numbers


# A function of the request that returns a table, or None where the user may not see it.
Source = Callable[[HttpRequest], UpcomingTable | None]
_sources: list[Source] = []


def register_upcoming(source: Source) -> Source:
    """Show the table of ``source`` on the desk's page "Upcoming e-mails"."""
    _sources.append(source)
    return source


def upcoming_tables(request: HttpRequest) -> list[UpcomingTable]:
    """Return the tables that the user may see, in the order in which they were registered."""
    found = (source(request) for source in _sources)
    return [table for table in found if table is not None]
