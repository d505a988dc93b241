"""How the counts of deliveries are kept true: by triggers, whichever path a change comes by."""

from typing import Any

import pgtrigger

# Workers write to rows of their own, so that they seldom wait for each other.
SHARDS = 16


class CountDeliveries(pgtrigger.Trigger):
    """Add to ``DeliveryCount`` what an ``operation`` changed, once per statement.

    Only what goes from one outcome to another is written: waiting, claimed and in flight are all
    "open". In one order everywhere, so that two statements never wait for each other in a circle.
    """

    level = pgtrigger.Statement
    when = pgtrigger.After

    def __init__(self, operation: pgtrigger.Operation, **tables: str) -> None:
        super().__init__(
            name=f"count_deliveries_{str(operation).lower()}",
            operation=operation,
            referencing=pgtrigger.Referencing(**tables),  # type: ignore[no-untyped-call]
        )
        self.tables = tables

    def get_func(self, model: Any) -> str:
        changes = " UNION ALL ".join(
            f"SELECT mailing_id, state, {'-1' if place == 'old' else '1'} AS change FROM {table}"  # noqa: S608 - the names are ours
            for place, table in self.tables.items()
        )
        return f"""
            INSERT INTO mail_deliverycount (mailing_id, outcome, shard, n)
            SELECT mailing_id, outcome, pg_backend_pid() % {SHARDS}, sum(change)
            FROM (
                SELECT mailing_id, change, {OUTCOME_OF_STATE} AS outcome
                FROM ({changes}) AS changed
            ) AS counted
            GROUP BY mailing_id, outcome
            HAVING sum(change) <> 0
            ORDER BY mailing_id, outcome
            ON CONFLICT (mailing_id, outcome, shard)
                DO UPDATE SET n = mail_deliverycount.n + EXCLUDED.n;
            RETURN NULL;
        """  # noqa: S608


OUTCOME_OF_STATE = (
    "CASE WHEN state IN ('sent', 'failed', 'skipped', 'unknown') THEN state ELSE 'open' END"
)
