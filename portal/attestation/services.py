"""Writes with several effects."""

from uuid import UUID

from django.db import transaction

from portal.accounts.models import User

from .cookie import AttestedReader
from .models import Attestation, AttestationStatement, Reader, current_statement
from .signals import readers_met


@transaction.atomic
def record_attestation(
    *,
    statement: AttestationStatement,
    reader_id: UUID | None = None,
    user: User | None = None,
    profile: dict[str, str] | None = None,
) -> Attestation:
    """Record that a reader made the declaration, as a new row of evidence.

    ``reader_id``: the pseudonym that the browser already holds, so that a new version of the
    declaration does not make a new reader. ``user``: a signed-in reader's pseudonym wins over the
    browser's. ``profile``: profession, specialty and country as far as given; an empty answer
    does not erase an earlier one.
    """
    reader = Reader.objects.filter(user=user).first() if user else None
    if reader is None and reader_id is not None:
        # Another account's pseudonym is never taken over.
        reader = Reader.objects.filter(pk=reader_id, user=None).first()
    if reader is None:
        reader = Reader()
    if user is not None:
        reader.user = user
    for field, value in (profile or {}).items():
        if value:
            setattr(reader, field, value)
    reader.save()
    return Attestation.objects.create(
        reader=reader, statement=statement, text_hash=statement.text_hash
    )


@transaction.atomic
def join_reader(*, user: User, pseudonym: UUID | None) -> AttestedReader | None:
    """Give ``user`` one pseudonym: the account's own, else the one that the browser holds.

    Returns the reader for the browser's cookie if that reader has made the current declaration,
    on whichever device; else None, and the gate asks.
    """
    browser_reader = (
        Reader.objects.select_for_update().filter(pk=pseudonym, user=None).first()
        if pseudonym
        else None
    )
    reader = Reader.objects.filter(user=user).first()
    if reader is None:
        if browser_reader is None:
            return None
        reader = browser_reader
        reader.user = user
        reader.save(update_fields=["user"])
    elif browser_reader is not None:
        readers_met.send(sender=Reader, pseudonym=browser_reader, reader=reader)
    statement = current_statement()
    has_attested = Attestation.objects.filter(
        reader__in=[reader, *([browser_reader] if browser_reader else [])], statement=statement
    ).exists()
    return AttestedReader(reader.pk, statement.number) if has_attested else None
