"""Rows as they come from the database server, counted."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

CHUNK_SIZE = 64 * 1024  # bytes

Row = bytes | bytearray | memoryview


class Rows:
    """The rows of one COPY. ``count``: how many were taken.

    ``progress`` is told of the count before each chunk is given out, and so much oftener than every
    10,000 rows; what it raises ends the taking.
    """

    def __init__(
        self, source: Iterable[Row], progress: Callable[[int], None] | None = None
    ) -> None:
        self.count = 0
        self._rows = iter(source)
        self._progress = progress

    @property
    def are_at_end(self) -> bool:
        """Whether none is left; waits for the next one."""
        for row in self._rows:
            self._rows = chain([row], self._rows)
            return False
        return True

    def chunks(self, limit: int | None = None) -> Iterator[bytes]:
        """Yield the next rows, ``limit`` at most, in pieces that end with a row."""
        chunk = bytearray()
        taken = 0
        for row in islice(self._rows, limit):
            chunk += row
            taken += 1
            if len(chunk) >= CHUNK_SIZE:
                self._count(taken)
                taken = 0
                yield bytes(chunk)
                chunk.clear()
        self._count(taken)
        yield bytes(chunk)

    def _count(self, taken: int) -> None:
        self.count += taken
        if self._progress:
            self._progress(self.count)
