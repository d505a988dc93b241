"""A page of the gallery, and who looks at it."""

import re
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
        """Whether it is made of Django's admin; the preview of an article is a page of the site."""
        return self.address.startswith("/admin/") and not re.match(
            r"/admin/articles/.*/preview/", self.address
        )

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail, or its copy on the web: no page of the site's design."""
        return self.address.startswith(("/mail/", "/updates/view/")) and self.status == 200
