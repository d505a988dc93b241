"""A ZIP that is sent while it is made: its files pass through, none is kept."""

import io
from collections.abc import Iterable, Iterator
from zipfile import ZIP_DEFLATED, ZipFile

CHUNK_SIZE = 64 * 1024  # bytes
# Of zlib. The next one saves a fifth of the size and costs half as much time again.
LEVEL = 1


class _Outlet(io.RawIOBase):
    """Where ``ZipFile`` writes, and what is taken from there. It cannot go back."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def take(self, at_least: int = 1) -> Iterator[bytes]:
        """Yield what was written, if it is ``at_least`` so many bytes."""
        if len(self._written) >= at_least:
            yield bytes(self._written)
            self._written.clear()


class Packing:
    """A ZIP file in the making: take all of ``file()`` for each of its files, and then ``end()``.

    The same files make the same ZIP: the times in it are those of ``zipfile``, of 1980.
    """

    def __init__(self) -> None:
        self._outlet = _Outlet()
        self._zip = ZipFile(self._outlet, "w", ZIP_DEFLATED, compresslevel=LEVEL)

    def file(
        self, name: str, chunks: Iterable[bytes], *, may_be_large: bool = False
    ) -> Iterator[bytes]:
        """Put the file ``name`` into the ZIP; ``may_be_large``: of 2 GiB or more."""
        with self._zip.open(name, "w", force_zip64=may_be_large) as member:
            # At once: whoever waits sees that it has begun.
            yield from self._outlet.take()
            for chunk in chunks:
                member.write(chunk)
                yield from self._outlet.take(CHUNK_SIZE)

    def end(self) -> Iterator[bytes]:
        """Yield the rest, with the ZIP's directory."""
        self._zip.close()
        yield from self._outlet.take()
