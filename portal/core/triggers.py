"""Database triggers that several apps put on their models (django-pgtrigger)."""

from typing import Any

import pgtrigger


class BumpContentStamp(pgtrigger.Trigger):
    """Change the content stamp whenever a row of the table changes, by whatever path."""

    name = "bump_content_stamp"
    level = pgtrigger.Statement
    when = pgtrigger.After
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def get_func(self, model: Any) -> str:
        return """
            INSERT INTO core_contentstamp (id, value) VALUES (1, gen_random_uuid())
            ON CONFLICT (id) DO UPDATE SET value = gen_random_uuid();
            RETURN NULL;
        """


def append_only() -> pgtrigger.Protect:
    """Return a trigger that refuses UPDATE and DELETE: evidence is only ever added."""
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
