"""A page of the gallery, and who looks at it."""

from dataclasses import dataclass

# Who looks: each has a browser of their own.
VISITOR = "visitor"
READER = "reader"  # has attested
RESPONDER = "responder"  # has attested and answered the survey
MEMBER = "member"  # has attested and signed in
DESK_EDITOR = "editor"
DESK_REVIEWER = "reviewer"
DESK_STAFF = "staff"
DESK_LEAD = "lead"
DESKS = (DESK_EDITOR, DESK_REVIEWER, DESK_STAFF, DESK_LEAD)
VISITORS = (VISITOR, READER, RESPONDER, MEMBER, *DESKS)


@dataclass(frozen=True, slots=True)
class Place:
    """One page: ``visitor`` opens ``address`` and presses the button ``press``, if it names one.

    ``html`` is shown at ``address`` instead of what the server would answer: for pages that no
    address leads to (the database is away) and for mails.
    """

    name: str
    address: str
    visitor: str = VISITOR
    press: str = ""
    status: int = 200
    html: str = ""

    @property
    def is_desk(self) -> bool:
        return self.address.startswith("/admin/") and "/preview/" not in self.address

    @property
    def is_mail(self) -> bool:
        return self.address.startswith("/mail/")
