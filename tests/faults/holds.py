"""Points in the database at which a test can hold a worker, by triggers of the test's own.

A trigger asks for an advisory lock that nobody minds, unless the test has it. A worker that is held
in a statement has not committed; one that is held by a deferred trigger is in its COMMIT: if it
dies there, the server still commits.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    number: int
    state: str
    is_deferred: bool


# Of the two for `sent`, the first is "before COMMIT" and the second "in COMMIT" of the answer.
HOLDS = {
    "before claim": Hold(770_001, "claimed", is_deferred=False),
    "claim's COMMIT": Hold(770_002, "claimed", is_deferred=True),
    "claimed": Hold(770_003, "in_flight", is_deferred=False),
    "in flight's COMMIT": Hold(770_004, "in_flight", is_deferred=True),
    "before sent's COMMIT": Hold(770_005, "sent", is_deferred=False),
    "sent's COMMIT": Hold(770_006, "sent", is_deferred=True),
}

FUNCTION = """
CREATE FUNCTION faults_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint);
    RETURN NULL;
END $$;
"""


def _trigger(hold: Hold) -> str:
    kind = "CONSTRAINT TRIGGER" if hold.is_deferred else "TRIGGER"
    deferred = "DEFERRABLE INITIALLY DEFERRED" if hold.is_deferred else ""
    return f"""
        CREATE {kind} faults_{hold.number} AFTER UPDATE ON mail_delivery {deferred}
        FOR EACH ROW WHEN (NEW.state = '{hold.state}' AND OLD.state <> '{hold.state}')
        EXECUTE FUNCTION faults_hold({hold.number});
    """


INSTALL = FUNCTION + "".join(_trigger(hold) for hold in HOLDS.values())
