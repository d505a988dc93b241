"""Where private files lie (signed agreements, exports): no address leads there."""

from django.core.files.storage import Storage, storages


def private_storage() -> Storage:
    return storages["private"]
