"""A small world with one row of everything, made once for each module that attacks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import transaction
from django.test import Client

from articles.models import Article
from portal.accounts.models import User
from portal.attestation.models import Reader
from portal.core.content_cache import memory
from portal.core.models import ExportLog, Page, SiteSettings
from portal.mail.models import Subscriber, Suppression
from tests.factories import (
    AgreementFactory,
    PublishableArticleFactory,
    ReaderFactory,
    SubscriberFactory,
    UserFactory,
    published_article,
)
from tests.feedback.builders import answer
from tests.feedback.conftest import attest


@dataclass(frozen=True)
class World:
    """What there is to attack, and in whose name."""

    article: Article
    draft: Article
    reader: Reader
    subscriber: Subscriber
    superuser: User
    editor: User
    staff: User

    def visitor(self) -> Client:
        return Client()

    def attested(self) -> Client:
        """Return a browser whose reader has attested."""
        return attest(Client(), self.reader)

    def signed_in(self, user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def all_powerful(self) -> Client:
        """Return the browser that gets furthest: a superuser who has attested, too."""
        return attest(self.signed_in(self.superuser), self.reader)


def make_world() -> World:
    AgreementFactory()
    subscriber = SubscriberFactory()
    article = published_article(title="Late failure", slug="late-failure")
    answer(article, [(1, 2, 3, 4)] * 12)
    Page.objects.create(slug="about", title="About", body="<p>About us.</p>")
    SiteSettings.objects.create()
    Suppression.objects.create(address="gone@example.org", reason="request")
    world = World(
        article=article,
        draft=PublishableArticleFactory(
            title="Unfinished business", slug="unfinished", summary="Nobody has seen this summary."
        ),
        reader=ReaderFactory(),
        subscriber=subscriber,
        superuser=UserFactory(is_staff=True, is_superuser=True),
        editor=UserFactory(group="Editors"),
        staff=UserFactory(group="Staff"),
    )
    ExportLog.objects.create(
        user=world.staff, kind="responses", purpose="A test", row_count=0, sha256="0" * 64
    )
    # As sign-up makes them: allauth would make the rows when somebody looks at the account page.
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True)
        for user in User.objects.all()
    )
    return world


@pytest.fixture(scope="module")
def module_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Make the world in a transaction that ends with the module; each test has its own within."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(module_world: World, db: None, settings: Any) -> World:
    # What is tested here is not how long a guess takes.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    memory.forget()
    return module_world
