"""Where the files of exports lie: under their name only when they are whole.

In a storage that is a directory, a file is written beside its place under a name of its own, and
renamed. Another storage gets it from a nameless file on this machine's disk; what such a storage
shows under a name is whole by its own rules.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast
from uuid import UUID

from django.core.files.base import File
from django.db import connection, transaction

from feedback.models import ExportJob, ExportStatus
from portal.core.storage import private_storage

from .orders import Order

DIRECTORY = "exports"
PART = ".part"


class _WholeFile(File[bytes]):
    """A file that a storage in the same directory takes over by renaming it."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file, name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return os.fspath(self.path)


class Part:
    """A file in the making: ``target`` is written to, ``publish`` gives it its name."""

    def __init__(self, job: ExportJob, target: BinaryIO, path: Path | None) -> None:
        self.job = job
        self.target = target
        self.path = path

    def publish(self) -> str:
        """Store the whole file under the job's name; return that name.

        Raises ``OSError`` where the storage does not take it.
        """
        storage = private_storage()
        name = f"{DIRECTORY}/{self.job.pk}.{Order.from_filters(self.job.order).extension}"
        self.target.flush()
        # What an attempt left that died before it could say so: nobody was told of it.
        storage.delete(name)
        if self.path is None:
            self.target.seek(0)
            return storage.save(name, File(self.target))
        # On the disk before it has the name: a power cut leaves no half file under it.
        os.fsync(self.target.fileno())
        return storage.save(name, _WholeFile(self.target, self.path))


@contextmanager
def open_part(job: ExportJob) -> Iterator[Part]:
    """Open the file of ``job`` for writing; what is not published is gone at the end."""
    try:
        path = Path(private_storage().path(f"{DIRECTORY}/{job.pk}{PART}"))
    except NotImplementedError:
        with TemporaryFile() as target:
            yield Part(job, cast("BinaryIO", target), None)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Over what an attempt left that died: only who holds the job's lock comes here.
    try:
        with _open_private(path) as target:
            yield Part(job, target, path)
    finally:
        path.unlink(missing_ok=True)


def _open_private(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    return cast("BinaryIO", os.fdopen(os.open(path, flags, 0o600), "w+b"))


def delete_file(job: ExportJob) -> None:
    """Delete the finished file, if it is there."""
    if job.file.name:
        private_storage().delete(job.file.name)


def sweep_files() -> int:
    """Delete what lies in the storage and belongs to no export; return how many files.

    That is what a maker left that died in the wrong moment. (1 query, 2 for each such file.)
    """
    storage = private_storage()
    try:
        names = storage.listdir(DIRECTORY)[1]
    except FileNotFoundError:
        return 0
    kept = {
        job.pk: job.file.name if job.status == ExportStatus.READY else None
        for job in ExportJob.objects.filter(pk__in=[key for key in map(_key_of, names) if key])
        if job.is_open or job.file
    }
    count = 0
    for name in names:
        key = _key_of(name)
        if key is not None and not (key in kept and kept[key] in (None, f"{DIRECTORY}/{name}")):
            count += _delete_leftover(key, f"{DIRECTORY}/{name}")
    return count


def _key_of(name: str) -> UUID | None:
    try:
        return UUID(PurePosixPath(name).stem)
    except ValueError:
        return None


@transaction.atomic
def _delete_leftover(key: UUID, name: str) -> bool:
    # Nobody begins to work on the export before we have looked again and deleted.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ExportJob(pk=key).lock])
        is_free = cursor.fetchone()[0]
    job = ExportJob.objects.filter(pk=key).first()
    if not is_free or (job is not None and (job.is_open or job.file.name == name)):
        return False
    private_storage().delete(name)
    return True
