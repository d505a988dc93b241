"""What tests of the desk's list of upcoming e-mails share."""

import re

UPCOMING = "/admin/mail/mailing/upcoming/"


def words(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
