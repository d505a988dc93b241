"""A file on this machine that is there when it is whole, and not before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast


@contextmanager
def atomic_output(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` and rename it to ``path`` at the end of the block.

    What stood at ``path`` stands there until then, and stays if the block fails. Whoever kills the
    process outright leaves a file whose name begins with a point and ends with ``.part``. Only the
    owner may read the file. Raises ``OSError``.
    """
    with NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
    ) as file:
        part = Path(file.name)
        try:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
