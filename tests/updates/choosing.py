"""What tests of subscribers' choices share: forms as a browser would send them."""

import re

from portal.mail.models import Mailing

STREAM = "article_updates"
CONFIRM = {"confirm": "yes"}  # the button
WEEKLY = {"frequency": "weekly", "weekday": "5", "time_zone": "Asia/Tokyo"}


def path_of(url):
    return url.removeprefix("http://testserver")


def subscribe(client, email="a@hospital.example", **fields):
    return client.post("/updates/", {"email": email, "consent": "on", **fields})


def link_in_the_mail():
    (url,) = re.findall(r"http://testserver/updates/\S+", Mailing.objects.latest("pk").text)
    return path_of(url)


def fields_of(html):
    """What a browser would send if somebody pressed a button of the page at once."""
    sent = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value, kind = (
            (re.findall(rf'{attribute}="([^"]*)"', tag) or [""])[0]
            for attribute in ("name", "value", "type")
        )
        if name and (kind not in {"checkbox", "radio"} or " checked" in tag):
            sent.setdefault(name, []).append(value)
    for name, options in re.findall(r'(?s)<select name="([^"]+)".*?>(.*?)</select>', html):
        chosen = re.findall(r'<option value="([^"]*)"[^>]* selected', options)
        sent[name] = chosen or re.findall(r'<option value="([^"]*)"', options)[:1]
    return sent
