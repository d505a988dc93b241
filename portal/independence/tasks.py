"""What Celery's beat asks for."""

import logging

from celery import shared_task

from .audit import audit_memberships

logger = logging.getLogger(__name__)


@shared_task(name="portal.independence.tasks.audit_memberships")
def audit_memberships_of_the_day() -> None:
    """Audit once a day. Run twice, by two beats, or late, it does the same."""
    findings = audit_memberships().findings
    found = len(findings["both_duties"]) + len(findings["approved_by_writer"])
    if found:
        logger.warning("%d findings: duties that must be apart are joined", found)
