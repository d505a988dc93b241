"""Uploads that are far too large are refused before they are written anywhere."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class RefuseHugeUploads(FileUploadHandler):
    """Answer 400 to a form with files of more than ``MAX_UPLOAD_SIZE`` bytes in all.

    Django itself limits only what is not a file, and would fill the disk with the rest.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        # Django reads no more than the length that was announced.
        if content_length > settings.MAX_UPLOAD_SIZE:
            raise RequestDataTooBig("the request is larger than MAX_UPLOAD_SIZE")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
