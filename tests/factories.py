"""Factories for tests: one valid object with as few words as possible."""

import datetime
from io import BytesIO

import factory
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from articles.models import Article, Reference, Topic
from articles.services import approve_article, publish_article, submit_for_review
from portal.accounts.models import User
from portal.attestation.models import AttestationStatement, Reader
from portal.funders.models import Agreement, Funder, SupportLevel
from portal.mail.models import Subscriber
from portal.mail.services import record_consent
from portal.people.models import Disclosure, DisclosureRequest, Person
from portal.people.requests import LINK_VALIDITY

# --- accounts, attestation, people, funders ---------------------------------------------------


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@example.org")
    name = factory.Sequence(lambda n: f"User {n}")

    @factory.post_generation
    def group(self, create, name, **kwargs):
        if create and name:
            self.is_staff = True
            self.save()
            self.groups.add(Group.objects.get(name=name))
            if name == "Medical reviewers":
                # Whoever approves discloses, too.
                DisclosureFactory(person__user=self)


class ReaderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Reader


class StatementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AttestationStatement

    number = factory.Sequence(lambda n: n + 2)
    introduction = "We ask because we must."
    text = factory.Sequence(lambda n: f"I confirm, version {n + 2}, that I am a professional.")


class PersonFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Person

    name = factory.Sequence(lambda n: f"Author {n}")
    slug = factory.Sequence(lambda n: f"author-{n}")


class DisclosureFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Disclosure

    person = factory.SubFactory(PersonFactory)
    has_none = True


class DisclosureRequestFactory(factory.django.DjangoModelFactory):
    """An open link, its mail not planned; see ``portal.people.requests.request_disclosure``."""

    class Meta:
        model = DisclosureRequest

    person = factory.SubFactory(PersonFactory)
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda row: row.created_at + LINK_VALIDITY)


class FunderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Funder

    name = factory.Sequence(lambda n: f"Funder {n}")


class AgreementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Agreement

    funder = factory.SubFactory(FunderFactory)
    kind = Agreement.Kind.SPONSORSHIP
    level = factory.LazyFunction(lambda: SupportLevel.objects.get(rank=1))
    starts_on = datetime.date(2025, 1, 1)
    purpose = factory.Maybe("is_site_wide", "", "Named articles")
    is_site_wide = True


# --- articles ---------------------------------------------------------------------------------


class TopicFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Topic

    name = factory.Sequence(lambda n: f"Topic {n}")
    slug = factory.Sequence(lambda n: f"topic-{n}")


class ArticleFactory(factory.django.DjangoModelFactory):
    """A draft with nothing but its own fields; see ``PublishableArticleFactory``."""

    class Meta:
        model = Article
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Article {n}")
    slug = factory.Sequence(lambda n: f"article-{n}")
    summary = "What everybody may read."


class ReferenceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Reference

    article = factory.SubFactory(ArticleFactory)
    key = factory.Sequence(lambda n: f"source{n}")
    csl = factory.LazyFunction(
        lambda: {
            "type": "article-journal",
            "author": [{"family": "Halpern", "given": "S D"}],
            "title": "Solid-organ transplantation in HIV-infected patients",
            "container-title": "N Engl J Med",
        }
    )


class PublishableArticleFactory(ArticleFactory):
    """A draft that nothing blocks: author with a disclosure, topic, objective, text, reference."""

    ai_statement = "No AI tools were used."

    @factory.post_generation
    def parts(self, create, given, **kwargs):
        if not create:
            return
        disclosure = DisclosureFactory()
        self.article_authors.create(person=disclosure.person)
        self.topics.add(TopicFactory())
        self.objectives.create(text="Interpret a hazard ratio.")
        ReferenceFactory(article=self, key="halpern")
        self.sections.create(
            position=1, heading="Methods", body="<p>The body of it. [@halpern]</p>"
        )
        self.sections.create(position=2, kind="key_data", body="<p>Numbers. [@halpern]</p>")


def sign_by(article, declared=True, **disclosure):
    """Put somebody new in the place and under the name of the only author; return the person.

    What was declared cannot be changed, so another person declares something else, or nothing.
    """
    row = article.article_authors.get()
    name, slug = row.person.name, row.person.slug
    row.person.slug = f"{slug}-before"
    row.person.save()
    row.person = PersonFactory(name=name, slug=slug)
    row.save()
    if declared:
        DisclosureFactory(person=row.person, **disclosure)
    return row.person


def approve(article):
    """Take ``article`` through the review, by the system, and return it."""
    submit_for_review(article=article, user=None)
    approve_article(article=article, user=None)
    return article


def publish(article, **options):
    """Return the version that is written once the system has approved the draft as it is."""
    return publish_article(**{"article": approve(article), "user": None} | options)


def approved_article(**fields):
    """Return an article that nothing keeps from being published."""
    return approve(PublishableArticleFactory(**fields))


def published_article(**fields):
    """Return an article whose first version is published, by the system."""
    article = PublishableArticleFactory(**fields)
    publish(article)
    return article


# --- figures --------------------------------------------------------------------------------------


def image_file(file_type="PNG", size=(800, 600), name="plot.png", mode="RGB", **options):
    """Return an upload: a plain image of ``size`` as ``file_type``; ``options`` are Pillow's."""
    buffer = BytesIO()
    Image.new(mode, size, "teal" if mode == "RGB" else 0).save(buffer, file_type, **options)
    return SimpleUploadedFile(name, buffer.getvalue())


def add_figure(article, **fields):
    """Return a new section of ``article``: a figure with all that it needs."""
    given = {
        "position": 5,
        "heading": "A curve",
        "body": "<p>What one sees.</p>",
        "alt": "It falls.",
    }
    return article.sections.create(**{"kind": "figure", "image": image_file()} | given | fields)


# --- mail, updates --------------------------------------------------------------------------------


class SubscriberFactory(factory.django.DjangoModelFactory):
    """A confirmed subscriber who consents to article updates; ``consent=False`` for none."""

    class Meta:
        model = Subscriber
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"reader{n}@hospital.example")
    confirmed_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def consent(self, create, given, **kwargs):
        if create and given is not False:
            record_consent(
                subscriber=self, stream="article_updates", is_granted=True, wording="E-mail me."
            )
