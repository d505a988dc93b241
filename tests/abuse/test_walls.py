"""What nobody gets by asking in another way: the text, a draft, a change, another's page."""

import re
from itertools import chain

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from articles.citations import strip_citations
from articles.models import ArticleVersion
from articles.sitemaps import SITEMAPS
from portal.core.content_cache import memory
from portal.core.rich_text import plain_text
from portal.mail.models import Subscriber
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.addresses import address_of, all_patterns

# --- 5. the text of an article --------------------------------------------------------------------

WAYS = [
    {},
    {"accept": "application/json"},
    {"x-requested-with": "XMLHttpRequest"},
    {"accept": "text/csv", "user-agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"},
    {"x-original-url": "/livez", "x-rewrite-url": "/livez", "x-forwarded-prefix": "/livez"},
    {"x-http-method-override": "HEAD", "range": "bytes=0-", "purpose": "prefetch"},
    {"authorization": "Basic YWRtaW46YWRtaW4=", "x-forwarded-for": "127.0.0.1"},
]


def sentences(document) -> set[str]:
    """Return the sentences of the document's sections that its public part does not hold, too."""
    public = " ".join([document["title"], document["summary"], *document["objectives"]])
    text = " ".join(plain_text(section["html"]) for section in document["sections"])
    found = {sentence.strip() for sentence in re.split(r"(?<=[.!?;])\s", strip_citations(text))}
    return {sentence for sentence in found if len(sentence) > 30 and sentence not in public}


def unescaped(text: str) -> str:
    """Return ``text`` without the backslashes of JSON-LD and BibTeX."""
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda code: chr(int(code[1], 16)), text)
    return re.sub(r"\\([^A-Za-z])", r"\1", text)


@pytest.mark.django_db
def test_no_sentence_of_any_text_reaches_a_visitor():
    call_command("load_demo", verbosity=0)
    memory.forget()
    documents = [version.document for version in ArticleVersion.objects.published()]
    secret = set(chain.from_iterable(sentences(document) for document in documents))
    assert len(secret) > 50
    client = Client()
    addresses = {address_of(name, pattern) for name, pattern in all_patterns()}
    for document in documents:
        article = f"/articles/{document['slug']}/"
        addresses |= {article, f"{article}feedback/", f"{article}cite.ris", f"{article}cite.bib"}
        for topic in document["topics"]:
            addresses |= {f"/topics/{topic['slug']}/", f"/topics/{topic['slug']}/feed/"}
        addresses |= {f"/authors/{author['slug']}/" for author in document["authors"]}
        if document is not documents[0]:
            continue
        addresses |= {
            f"{article}feedback/thanks/",
            f"{article}?print=1&amp=1&format=json&preview=1&version=1",
            f"/articles/{document['slug'].upper()}/",
            f"/Articles/{document['slug']}/",
            f"/articles//{document['slug']}/",
            f"/articles/{document['slug']}.json",
            f"/articles/{document['slug']}/.pdf/",
            f"{article};/",
            f"{article}print/",
            f"/search/?q={document['slug'].replace('-', '+')}",
        }
    addresses |= {f"/sitemap-{section}.xml" for section in SITEMAPS}
    # Also by a search for the text's own words.
    addresses |= {
        "/search/?q=" + sentence[: len(sentence) // 2].replace(" ", "+")
        for sentence in list(secret)[:5]
    }
    for address in sorted(addresses):
        ways = WAYS if address.endswith(f"{documents[0]['slug']}/") else WAYS[:1]
        for headers in ways:
            pages = [client.get(address, headers=headers, follow=True)]
            if headers == WAYS[0]:
                pages += [client.options(address), client.post(address)]
            for page in pages:
                text = plain_text(unescaped(page.content.decode()))
                assert [sentence for sentence in secret if sentence in text] == [], address


# --- 7. drafts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["visitor", "attested"])
def test_a_draft_is_nowhere(world, who):
    client = getattr(world, who)()
    draft = world.draft
    for address in (
        f"/articles/{draft.slug}/",
        f"/articles/{draft.pk}/",
        f"/articles/{draft.slug}/feedback/thanks/",
        f"/articles/{draft.slug}/feedback/",
        f"/articles/{draft.slug}/?preview=1",
        f"/articles/{draft.slug}/cite.ris",
        f"/articles/{draft.slug}/cite.bib",
        f"/authors/{draft.article_authors.get().person.slug}/",
    ):
        for answer in (client.get(address), client.head(address), client.post(address)):
            if answer.status_code == 302:
                assert answer["Location"].startswith(reverse("gate"))
            elif answer.status_code == 403:
                # The gate keeps answers that were sent without a declaration: to whatever article.
                nowhere = client.post(address.replace(draft.slug, "nowhere"))
                assert nowhere.status_code == 403
                assert draft.title not in answer.content.decode()
            else:
                assert answer.status_code in {404, 405}
    for name in ("preview", "publish", "change", "history", "delete"):
        address = reverse(f"admin:articles_article_{name}", args=[draft.pk])
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))
    topic = draft.topics.get()
    for address in (
        "/",
        "/articles/",
        "/search/?q=unfinished",
        "/search/?q=business+summary",
        "/feed/",
        f"/topics/{topic.slug}/feed/",
        "/sitemap-articles.xml",
        "/sitemap-authors.xml",
        "/sitemap-topics.xml",
        world.article.get_absolute_url(),
    ):
        page = client.get(address).content.decode()
        for word in (draft.title, f"/{draft.slug}/", draft.summary):
            assert word not in page
    page = client.get(topic.get_absolute_url())
    assert page.status_code == 200
    assert draft.title not in page.content.decode()
    # A topic whose only article is a draft is not offered either.
    assert topic.get_absolute_url() not in client.get("/").content.decode()


# --- looking changes nothing ----------------------------------------------------------------------


def state() -> dict[str, set[str]]:
    """Return every row of every table but the sessions."""
    tables = set(connection.introspection.table_names()) - {Session._meta.db_table}
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in tables  # pghistory has some without
    ]
    return {model._meta.label: rows(model._base_manager.values_list()) for model in models}


def rows(queryset: QuerySet) -> set[str]:
    return {repr(row) for row in queryset}


@pytest.mark.parametrize("who", ["visitor", "attested", "all_powerful"])
def test_looking_changes_nothing(world, who):
    client = getattr(world, who)()
    before = state()
    assert before["articles.Article"]
    addresses = [address_of(name, pattern) for name, pattern in all_patterns()]
    for address in [*addresses, *link_paths(world.subscriber)]:
        query = (
            "?is_healthcare_professional=on&statement=1&level-clear=5&List-Unsubscribe=One-Click"
        )
        client.get(address + query, headers={"sec-purpose": "prefetch"})
        if not address.startswith("/admin/"):
            client.get(address)
            client.head(address)
            client.options(address)
    assert state() == before


# --- 18. headers and caches -----------------------------------------------------------------------


def assert_secure(response, *, is_desk: bool) -> None:
    policy, frames = response["Content-Security-Policy"], "DENY"
    if "sandbox" in policy and "script-src 'none'" in policy:
        # A mail, with styles of its own, in a frame of the desk: nothing runs in it.
        policy = policy.replace("style-src 'unsafe-inline'", "").replace(
            "frame-ancestors 'self'", "frame-ancestors 'none'"
        )
        frames = "SAMEORIGIN"
    # The rich-text editor sets style attributes, on the desk's pages alone.
    relaxed = "style-src-attr 'unsafe-inline'"
    assert "unsafe" not in (policy.replace(relaxed, "") if is_desk else policy)
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert response.headers.get("X-Frame-Options") == frames, response.request["PATH_INFO"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] in {"strict-origin-when-cross-origin", "no-referrer"}
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def is_kept_by_shared_caches(response) -> bool:
    return not {"private", "no-store"}.intersection(
        re.split(r"[\s,]+", response.headers.get("Cache-Control", ""))
    )


@pytest.mark.parametrize("who", ["visitor", "attested", "all_powerful"])
def test_every_answer_is_secure_and_no_cache_gives_it_to_another(world, who):
    client = getattr(world, who)()
    for name, pattern in all_patterns():
        address, is_desk = address_of(name, pattern), name.startswith("admin:")
        if not is_desk:
            assert_secure(client.get(address + "%00"), is_desk=False)
        for trick in ("",) if is_desk else ("", "x.css", "?x=.css"):
            response = client.get(address + trick)
            assert_secure(response, is_desk=is_desk)
            assert "Cookie" in re.split(r"[\s,]+", response.headers.get("Vary", "")), address
            if who != "visitor" or response.cookies or b"csrfmiddlewaretoken" in response.content:
                assert not is_kept_by_shared_caches(response), address


def link_paths(subscriber) -> list[str]:
    links = [unsubscribe_url(subscriber), preferences_url(subscriber)]
    return [
        link.removeprefix("http://testserver")
        for link in (*links, confirmation_url(subscriber, []))
    ]


def test_tampered_links_lead_nowhere(world):
    client = world.visitor()
    for path in link_paths(world.subscriber):
        assert client.get(path).status_code == 200
        token = path.rstrip("/").rpartition("/")[2]
        for tampered in (token[:-1], token + "A", token.upper(), "x" + token[1:], token + "."):
            address = path.replace(token, tampered)
            assert client.get(address).status_code == 404
            assert client.post(address).status_code == 404


def test_links_of_an_address_that_is_gone_lead_nowhere(world):
    paths = link_paths(Subscriber(email="never@example.org"))
    for path in paths:
        assert world.visitor().get(path).status_code == 404
        assert world.visitor().post(path).status_code == 404


def test_options_and_odd_methods_show_nothing(world):
    client = world.visitor()
    for method in ("OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO"):
        answer = client.generic(method, f"/articles/{world.article.slug}/")
        assert answer.status_code == 405
        assert b"The body of it" not in answer.content


def test_articles_are_only_found_by_their_own_address(world):
    client = world.attested()
    assert client.get("/articles/late-failure/").status_code == 200
    for address in (
        "/articles/LATE-FAILURE/",
        "/articles/late-failure%20/",
        "/articles/late_failure/",
    ):
        assert client.get(address).status_code == 404
