"""What time it is, where more than one machine has to agree about it."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

MAX_CLOCK_DIFFERENCE = timedelta(seconds=60)


def clocks_agree() -> bool:
    """Whether this machine and the database tell the same time: all deadlines depend on it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        database_time: datetime = cursor.fetchone()[0]
    return abs(timezone.now() - database_time) <= MAX_CLOCK_DIFFERENCE
