"""Where signed agreements lie: beside the public files, where no address leads to."""

from django.core.files.storage import Storage, storages


def private_storage() -> Storage:
    return storages["private"]
