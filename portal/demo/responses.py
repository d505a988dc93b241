"""Invented readers and what they answered: enough to make the results worth looking at.

No attestation is invented with them: attestations are evidence, and append-only.
"""

import random
import uuid
from datetime import datetime

from django.utils import timezone

from articles.models import Article, ArticleVersion
from feedback.models import Level, Response, load_survey_version
from portal.attestation.models import Profession, Reader, Specialty

from .reading import ResponsesData

# More than the most answered article has, so that not everybody answers everything.
READER_COUNT = 240
# The same readers and answers on every machine.
SEED = 2025

# Value → relative frequency. Blank: these questions are optional.
_PROFESSIONS = {
    Profession.PHYSICIAN: 52,
    Profession.NURSE: 16,
    Profession.PHARMACIST: 10,
    Profession.SCIENTIST: 6,
    Profession.TRAINEE: 6,
    Profession.PHYSICIAN_ASSOCIATE: 2,
    "": 8,
}
_SPECIALTIES = {
    Specialty.HAEMATOLOGY: 56,
    Specialty.ONCOLOGY: 20,
    Specialty.RADIOTHERAPY: 5,
    Specialty.PATHOLOGY: 4,
    Specialty.INTERNAL_MEDICINE: 5,
    "": 10,
}
_COUNTRIES = {"GB": 26, "DE": 16, "IT": 12, "ES": 10, "FR": 9, "US": 9, "NL": 5, "IE": 4, "": 9}


class DemoReaders:
    """Makes readers and responses from a fixed seed, and inserts them in bulk."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)  # noqa: S311 - nothing here is secret
        self._readers = [self._reader() for _ in range(READER_COUNT)]
        self.responses: list[Response] = []
        self._survey_version = load_survey_version().version_id

    def answer(self, *, article: Article, version: ArticleVersion, data: ResponsesData) -> None:
        """Let ``data["count"]`` readers answer the survey under ``version``, by now or earlier."""
        now = timezone.now()
        for reader in self._random.sample(self._readers, data["count"]):
            submitted_at = self._moment(version.published_at, now)
            reader.created_at = min(reader.created_at, submitted_at)
            self.responses.append(
                Response(
                    reader=reader,
                    article=article,
                    article_version=version,
                    survey_version_id=self._survey_version,
                    levels=[
                        self._random.choices(Level.values, weights)[0]
                        for weights in data["weights"]
                    ],
                    profession=reader.profession,
                    specialty=reader.specialty,
                    country=reader.country,
                    submitted_at=submitted_at,
                    updated_at=submitted_at,
                )
            )

    def save(self) -> int:
        """Insert the readers who answered and their responses; return how many responses."""
        Reader.objects.bulk_create(
            {response.reader_id: response.reader for response in self.responses}.values()
        )
        Response.objects.bulk_create(self.responses)
        return len(self.responses)

    def _reader(self) -> Reader:
        return Reader(
            pk=uuid.UUID(int=self._random.getrandbits(128), version=4),
            profession=self._pick(_PROFESSIONS),
            specialty=self._pick(_SPECIALTIES),
            country=self._pick(_COUNTRIES),
        )

    def _pick(self, frequencies: dict[str, int]) -> str:
        return str(self._random.choices(list(frequencies), list(frequencies.values()))[0])

    def _moment(self, published_at: datetime, now: datetime) -> datetime:
        """Return a time since publication: many in the first weeks, ever fewer later."""
        return published_at + (now - published_at) * self._random.betavariate(1, 3)
