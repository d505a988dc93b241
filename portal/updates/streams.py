"""The streams of mail that readers subscribe to, and what they agree to, word for word."""

from django.utils.translation import gettext_lazy as _

from portal.funders.disclosure import current_funding_statement
from portal.mail.streams import Stream

from .tokens import preferences_url, unsubscribe_url
from .web_copies import web_copy_url

ARTICLE_UPDATES_WORDING = _(
    "E-mail me when a new article is published. I can stop these e-mails at any time with the link "
    "in each of them."
)

ARTICLE_UPDATES = Stream(
    key="article_updates",
    name=_("Article updates"),
    needs_consent=True,
    wording=ARTICLE_UPDATES_WORDING,
    links={"unsubscribe_url": unsubscribe_url, "preferences_url": preferences_url},
    mailing_links={"view_url": web_copy_url},
    # A large mailing takes its time: who funds the site may change meanwhile.
    texts={"funding": lambda: str(current_funding_statement())},
)

# Account and confirmation mail, but that the link to somebody's choices, which does not expire, is
# made while it is sent: staff read what stands in the outbox.
SUBSCRIBING = Stream(
    key="subscribing",
    name=_("Subscribing"),
    needs_consent=False,
    links={"preferences_url": preferences_url},
)
