"""No page, e-mail, survey or export shows a funder's logo or trade name, or links to a funder.

Every page of the gallery as whoever sees it, every address there is as somebody who may open all
of them, every e-mail and export, and all templates and style sheets. A name is planted to prove
that it would be found.
"""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from feedback.exports.orders import Format
from portal.accounts.models import User
from portal.core.models import Page
from portal.demo.users import ADMIN
from portal.funders.models import Funder, ProductSite, TradeName
from portal.mail.models import Mailing
from portal.updates.services import request_subscription
from tests.addresses import address_of, all_patterns
from tests.gallery import MEMBER, Gallery, Place, load_gallery

from .advertising import Funders

ROOT = Path(__file__).resolve().parents[2]
# Where readers see who pays, and where the desk writes trade names down to look for them.
FUNDERS_PAGES = "/funders"
FUNDERS_DESK = "/admin/funders/"
PLANTED = "Nonesuchumab"

pytestmark = pytest.mark.django_db


@pytest.fixture
def gallery(db) -> Gallery:
    """The demo with a trade name and a product site that stand nowhere in it."""
    gallery = load_gallery()
    funder = Funder.objects.earliest("pk")
    TradeName.objects.create(funder=funder, name=PLANTED)
    ProductSite.objects.create(funder=funder, host="nonesuchumab.example")
    return gallery


def client_of(gallery: Gallery, visitor: str) -> Client:
    client = Client()
    client.cookies = SimpleCookie(gallery.cookies[visitor])
    return client


def bodies(gallery: Gallery) -> Iterator[tuple[str, str, bool]]:
    """Yield the address, the body and whether it is HTML, of everything that can be fetched."""
    for place in gallery.places:
        if place.html:
            yield place.address, place.html, True
        else:
            yield from _fetched(client_of(gallery, place.visitor), place)
    everything = client_of(gallery, MEMBER)
    for name, pattern in all_patterns():
        yield from _fetched(everything, Place(name, address_of(name, pattern)))


def _fetched(client: Client, place: Place) -> Iterator[tuple[str, str, bool]]:
    answer = client.get(place.address)
    if not answer.get("Content-Type", "").startswith("image/"):
        body = answer.getvalue().decode()
        yield place.address, body, "html" in answer.get("Content-Type", "")


def advertisements(gallery: Gallery) -> list[str]:
    """Return what is found, each with its address."""
    funders = Funders.all()
    return [
        f"{address}: {one}"
        for address, body, is_html in bodies(gallery)
        if not address.startswith(FUNDERS_DESK)
        for one in funders.advertisements(
            body, is_html=is_html, may_link=address.startswith(FUNDERS_PAGES)
        )
    ]


def test_no_page_advertises_and_what_is_planted_is_found(gallery):
    assert advertisements(gallery) == []
    page = Page.objects.earliest("pk")
    page.body += (
        f'<p>Ask for {PLANTED.upper()}: <a href="https://www.nonesuchumab.example/x">it</a></p>'
    )
    page.save()
    assert sorted(set(advertisements(gallery))) == [
        f"/admin/core/page/{page.pk}/change/: trade name nonesuchumab",
        f"{page.get_absolute_url()}: link https://www.nonesuchumab.example/x",
        f"{page.get_absolute_url()}: trade name nonesuchumab",
    ]


# An export reads from a connection of its own.
@pytest.mark.django_db(transaction=True)
def test_no_export_mail_template_or_style_sheet_advertises(gallery):
    funders = Funders.all()
    assert PLANTED.lower() in funders.trade_names
    for text in _exports():
        assert len(text.splitlines()) > 10
        assert funders.advertisements(text, is_html=False) == []
    mails = list(_mails())
    assert len(mails) >= 5
    for subject, text, html in mails:
        assert funders.advertisements(f"{subject}\n{text}", is_html=False) == [], subject
        assert funders.advertisements(html, is_html=True) == [], subject
    for path in sorted((ROOT / "templates").rglob("*.*")):
        source = path.read_text(encoding="utf-8")
        assert funders.advertisements(source, is_html=False) == [], path
        assert not funders.names_one(source), path
    for path in sorted((ROOT / "static").rglob("*.*")):
        if path.suffix in {".css", ".js", ".svg"}:
            source = path.read_text(encoding="utf-8")
            assert not funders.names_one(source), path
            for url in re.findall(r"url\(([^)]*)\)", source if path.suffix == ".css" else ""):
                assert url.strip("\"'").startswith(("../vendor/", "../img/", "data:")), (path, url)


def _exports() -> Iterator[str]:
    client = Client()
    client.force_login(User.objects.get(email=ADMIN.email))
    for format_ in (Format.ANALYSIS, Format.EXCEL):
        form = {"purpose": "To look.", "format": format_, "shape": "wide", "packed": "no"}
        form["confirmed"] = "yes"
        yield client.post(reverse("admin:feedback_export"), form).getvalue().decode("utf-8-sig")


def _mails() -> Iterator[tuple[str, str, str]]:
    """Yield subject, text and HTML: of updates, to new and known subscribers, of accounts."""
    for email in ("new@hospital.example", "a.reader@hospital.example"):
        request_subscription(email=email, topic_ids=[])
    client, password = Client(), "a-long-enough-phrase-of-9-words"
    form = {"email": "new@demo.example", "password1": password, "password2": password}
    client.post(reverse("account_signup"), form)
    client.post(reverse("account_reset_password"), {"email": ADMIN.email})
    yield from ((one.subject, one.text, one.html) for one in Mailing.objects.all())


def test_no_picture_is_a_funders():
    """Whose is a picture that is not listed? Nobody's who pays: then it may join the list."""
    pictures = {".svg", ".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".ico"}
    static = ROOT / "static"
    found = [path for path in static.rglob("*.*") if path.suffix.lower() in pictures]
    assert sorted(str(path.relative_to(static)) for path in found) == ["img/mark.svg"]


LOGOS = [
    '<img src="/static/a.png" alt="Logo of Acme Pharma">',
    '<img src="/media/figures/acme-pharma.png" alt="">',
    '<img src="https://cdn.example/a.png" alt="">',
    '<img srcset="/media/a.png 1x, https://cdn.example/b.png 2x">',
    '<picture><source srcset="//cdn.example/a.avif"><img src="/a.png"></picture>',
    '<svg><title>Acme Pharma</title><path d="M0 0"/></svg>',
    '<svg aria-label="Acme Pharma"></svg>',
    '<svg><image href="https://cdn.example/a.svg"/></svg>',
    '<p style="background: url(https://cdn.example/a.png)"></p>',
    "<style>p { background: url('https://cdn.example/a.png') }</style>",
    '<link rel="icon" href="https://cdn.example/a.ico">',
    '<input type="image" src="https://cdn.example/a.png">',
    '<a href="https://www.acme.example/">Acme</a>',
    '<a href="https://shop.acme.example/">Acme</a>',
    "<p>Acme&shy;x Acmemab-fast</p>",
    "ACMEMAB",
]
HARMLESS = [
    "<p>Sponsored by Acme Pharma.</p>",
    '<img src="/media/figures/a.png" alt="A curve"><img src="data:image/png;base64,x">',
    '<svg aria-hidden="true"><path d="M0 0"></path></svg><p>Acme Pharma</p>',
    '<svg aria-hidden="true"><path d="M0 0"/></svg><p>Acme Pharma</p>',
    '<link rel="canonical" href="https://elsewhere.example/">',
    '<a href="https://acme.example.org/">Something else</a>',
    "<p>Acmemabs</p>",
]


@pytest.fixture
def acme(db) -> Funders:
    funder = Funder.objects.create(name="Acme Pharma", website="https://www.acme.example")
    funder.trade_names.create(name="Acmemab")
    return Funders.all()


@pytest.mark.parametrize("html", LOGOS)
def test_each_way_of_advertising_is_found(acme, html):
    assert acme.advertisements(html, is_html=True) != []


@pytest.mark.parametrize("html", HARMLESS)
def test_what_advertises_nothing_is_left_alone(acme, html):
    assert acme.advertisements(html, is_html=True) == []
