"""The desk's pages of the workflow: verbs, two editors at once, previews, comparing, panels."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from articles.models import Article, ArticleTransition, PreviewLink
from articles.services import make_preview_link, record_edit, schedule_article, submit_for_review
from tests.articles.desk_forms import change_url, form_data, panels, preview_url, publish_url
from tests.articles.test_scheduling import due_article
from tests.factories import (
    PublishableArticleFactory,
    UserFactory,
    add_figure,
    approve,
    approved_article,
    publish,
    published_article,
    sign_by,
)

pytestmark = pytest.mark.django_db


def url(article, page):
    return reverse(f"admin:articles_article_{page}", args=[article.pk])


@pytest.fixture
def reviewer(db):
    return UserFactory(group="Medical reviewers", name="Robin")


@pytest.fixture
def review_desk(reviewer):
    from django.test import Client

    client = Client()
    client.force_login(reviewer)
    return client


# --- the verbs' pages -----------------------------------------------------------------------------


def test_from_the_draft_to_a_correction_and_a_withdrawal_by_the_pages(desk, review_desk):
    article = PublishableArticleFactory(title="Late failure")
    assert desk.post(url(article, "submit"), {"comment": "Please"}).status_code == 302
    assert review_desk.post(url(article, "return"), {"comment": "No"}).status_code == 302
    assert desk.post(url(article, "submit")).status_code == 302
    data = {"revision": 0, "comment": "Yes"}
    assert review_desk.post(url(article, "approve"), data).status_code == 302
    assert desk.post(publish_url(article), {"latest": 0}).status_code == 302
    assert desk.post(url(article, "submit")).status_code == 302
    assert review_desk.post(url(article, "approve"), {"revision": 0}).status_code == 302
    correction = {"latest": 1, "kind": "correction", "notice": "It was wrong."}
    assert desk.post(publish_url(article), correction).status_code == 302
    assert desk.post(url(article, "withdraw"), {"reason": "All wrong."}).status_code == 302
    article.refresh_from_db()
    assert (article.status, article.withdrawal_reason) == ("withdrawn", "All wrong.")
    assert article.published_version.notice == "It was wrong."
    assert desk.post(url(article, "reinstate")).status_code == 302
    assert [step.verb for step in ArticleTransition.objects.order_by("pk")] == [
        *("submit", "return", "submit", "approve", "publish"),
        *("submit", "approve", "publish", "withdraw", "reinstate"),
    ]


@pytest.mark.parametrize(
    ("page", "data", "message"),
    [
        ("publish", {"latest": 1, "kind": "correction"}, "Tell readers what was wrong."),
        ("publish", {"latest": 1, "notice": "x"}, "Only a correction has a notice."),
        ("publish", {"latest": 1, "kind": "first"}, "Select a valid choice."),
        ("schedule", {"scheduled_for": "2020-01-01T10:00"}, "This time has passed."),
        ("schedule", {"scheduled_for": "x"}, "Enter a valid date/time."),
        ("schedule", {}, "This field is required."),
        ("withdraw", {"reason": " "}, "This field is required."),
        ("withdraw", {"reason": "x" * 2001}, "Ensure this value has at most 2000 characters"),
        ("unschedule", {}, "is not possible: the article is “Approved”."),
    ],
)
def test_bad_input_is_told_and_changes_nothing(desk, page, data, message):
    article = approve(published_article())
    response = desk.post(url(article, page), data)
    assert response.status_code == 200
    assert message in response.content.decode()
    article.refresh_from_db()
    assert (article.status, article.versions.count()) == ("approved", 1)


def test_a_schedule_is_in_the_sites_time_zone(desk, settings):
    settings.TIME_ZONE = "Europe/London"
    article = approved_article()
    year = timezone.localdate().year + 1
    page = desk.get(url(article, "schedule")).content.decode()
    assert "time zone, Europe/London" in page
    desk.post(url(article, "schedule"), {"scheduled_for": f"{year}-07-01T09:30"})
    article.refresh_from_db()
    expected = datetime.datetime(year, 7, 1, 8, 30, tzinfo=datetime.UTC)
    assert (article.status, article.scheduled_for) == ("scheduled", expected)


def test_a_reviewer_who_wrote_is_told_why_not(review_desk, reviewer):
    article = PublishableArticleFactory()
    record_edit(article=article, user=reviewer)
    submit_for_review(article=article, user=None)
    told = "You have changed this draft: somebody else must approve it."
    for response in (
        review_desk.get(url(article, "approve")),
        review_desk.post(url(article, "approve"), {"revision": 1}),
    ):
        assert told in response.content.decode()
    assert Article.objects.get().status == "in_review"


def test_the_form_shows_what_blocks_which_verbs_there_are_and_the_last_steps(desk, review_desk):
    article = PublishableArticleFactory()
    sign_by(article, declared=False)
    html = desk.get(change_url(article)).content.decode()
    assert 'href="#article_authors-0"' in html
    assert re.findall(r'class="button button--secondary" href="([^"]*)"', html) == [
        url(article, "submit")
    ]
    article = approved_article()
    verbs = [verb["label"] for verb in desk.get(change_url(article)).context["verbs"]]
    assert verbs == ["Schedule", "Publish"]
    page = review_desk.get(change_url(article))
    assert [verb["label"] for verb in page.context["verbs"]] == ["Return to the author"]
    assert [step.verb for step in page.context["steps"]] == ["approve", "submit"]
    assert "Nothing that is saved blocks publication." in page.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_pages_cost_the_same_however_long_the_story(desk, count):
    article = published_article()
    for number in range(count):
        article.sections.create(position=number + 3, body="<p>x</p>")
        publish(article)
    approve(article)
    for _ in range(count):
        make_preview_link(article=article, user=UserFactory(group="Editors"), days=1)
    counts = {}
    for page in ("publish", "preview_links", "compare"):
        desk.get(url(article, page))
        with CaptureQueriesContext(connection) as queries:
            desk.get(url(article, page))
        counts[page] = len(queries)
    assert counts == {"publish": 34, "preview_links": 6, "compare": 20}


# --- two editors ----------------------------------------------------------------------------------


def test_the_second_to_save_is_told_and_loses_nothing(desk, client):
    first = UserFactory(group="Editors", name="Fiona <First>")
    article = PublishableArticleFactory()
    topic = article.topics.get()
    record_edit(article=article, user=first)
    mine = form_data(topic) | {"title": "My title", "revision": 0}
    response = desk.post(change_url(article), mine)
    html = response.content.decode()
    assert response.status_code == 200
    assert escape("Fiona <First> has changed this article since you opened it") in html
    assert 'value="My title"' in html
    assert '<input type="hidden" name="revision" value="0">' in html
    assert 'name="replace_revision" value="1"' in html
    assert f'href="{preview_url(article)}" target="_blank"' in html
    # Pressing "save" again is not enough.
    assert desk.post(change_url(article), mine).status_code == 200
    assert Article.objects.get().title != "My title"
    assert desk.post(change_url(article), mine | {"replace_revision": 1}).status_code == 302
    article.refresh_from_db()
    assert (article.title, article.revision) == ("My title", 2)
    # A third change in between counts again.
    assert desk.post(change_url(article), mine | {"replace_revision": 1}).status_code == 200


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 5000, None])
def test_a_form_without_its_revision_saves_nothing(desk, revision):
    article = PublishableArticleFactory()
    data = form_data(article.topics.get()) | {"title": "Crafted"}
    if revision is None:
        del data["revision"]
    else:
        data["revision"] = revision
    assert desk.post(change_url(article), data).status_code == 200
    assert Article.objects.get().title != "Crafted"


def test_an_edit_in_the_form_voids_the_approval_and_a_look_does_not(desk):
    article = approved_article(title="Late failure", slug="late-failure", summary="A summary.")
    desk.get(change_url(article))
    data = form_data(article.topics.get())
    assert desk.post(change_url(article), data).status_code == 302
    article.refresh_from_db()
    assert (article.status, article.revision) == ("approved", 0)
    assert desk.post(change_url(article), data | {"title": "Other"}).status_code == 302
    article.refresh_from_db()
    assert (article.status, article.revision) == ("draft", 1)
    assert article.transitions.first().verb == "revise"


def test_a_withdrawn_article_is_taken_up_again_before_it_is_changed(desk):
    article = published_article()
    desk.post(url(article, "withdraw"), {"reason": "Wrong."})
    assert desk.get(change_url(article)).status_code == 200
    assert desk.post(change_url(article), form_data(article.topics.get())).status_code == 403
    desk.post(url(article, "reinstate"))
    assert desk.post(change_url(article), form_data(article.topics.get())).status_code == 302


def test_who_opens_a_form_that_another_has_open_is_warned(desk, client, settings):
    from django.test import Client

    other = Client()
    other.force_login(UserFactory(group="Editors", name="Olga"))
    article = PublishableArticleFactory()
    warned = "Olga opened this article in the last minutes."
    assert warned not in desk.get(change_url(article)).content.decode()
    assert warned not in other.get(change_url(article)).content.decode()
    assert warned in desk.get(change_url(article)).content.decode()
    assert other.post(change_url(article), form_data(article.topics.get())).status_code == 302
    assert warned not in desk.get(change_url(article)).content.decode()


def test_without_redis_nobody_is_warned_and_all_else_works(desk, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    article = PublishableArticleFactory()
    assert desk.get(change_url(article)).status_code == 200
    assert desk.post(change_url(article), form_data(article.topics.get())).status_code == 302


# --- preview links --------------------------------------------------------------------------------


def made_link(desk, article):
    response = desk.post(url(article, "preview_links"), {"days": 7, "note": "Dr A"})
    path = response.context["address"].removeprefix("http://testserver")
    assert path.startswith("/preview/")
    return path


def test_a_guest_sees_the_draft_by_a_link_until_it_is_revoked(desk):
    from django.test import Client

    guest = Client()
    article = PublishableArticleFactory(title="Unfinished")
    figure = add_figure(article)
    path = made_link(desk, article)
    assert path.split("/")[2] not in str(PreviewLink.objects.values())
    response = guest.get(path)
    html = response.content.decode()
    assert (response.status_code, "Unfinished" in html, "/admin/" in html) == (200, True, False)
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    image = f"{path}media/{figure.image.name}"
    assert f'"{image}"' in html
    assert f'"/media/{figure.image.name}' not in html
    assert guest.get(image)["Content-Type"] == "image/png"
    assert guest.get(f"/preview/guess/media/{figure.image.name}").status_code == 404
    link = PreviewLink.objects.get()
    assert desk.post(url(article, "preview_links"), {"revoke": link.pk}).status_code == 302
    assert [guest.get(address).status_code for address in (path, image)] == [404, 404]


def test_expired_and_guessed_links_lead_nowhere(desk, client):
    article = PublishableArticleFactory()
    path = made_link(desk, article)
    day = datetime.timedelta(days=1)
    PreviewLink.objects.update(created_at=timezone.now() - 2 * day, expires_at=timezone.now() - day)
    for address in (path, "/preview/x/", f"/preview/{'a' * 5000}/", "/preview/%00/"):
        assert client.get(address).status_code in {400, 404}, address


@pytest.mark.parametrize(
    "data", [{"days": 0}, {"days": 31}, {"days": "x"}, {}, {"days": 1, "note": "x" * 201}]
)
def test_no_link_without_an_end(desk, data):
    article = PublishableArticleFactory()
    assert desk.post(url(article, "preview_links"), data).status_code == 200
    assert not PreviewLink.objects.exists()


def test_links_of_another_article_are_not_revoked_and_others_make_none(desk, review_desk):
    article, other = PublishableArticleFactory(), PublishableArticleFactory()
    made_link(desk, article)
    link = PreviewLink.objects.get()
    for revoked in (link.pk, "x", "9" * 30, "-1"):
        response = desk.post(url(other, "preview_links"), {"revoke": revoked})
        assert response.status_code == 404
    assert PreviewLink.objects.usable().get() == link
    assert review_desk.post(url(article, "preview_links"), {"days": 7}).status_code == 403


# --- comparing ------------------------------------------------------------------------------------


def test_two_versions_are_compared_word_by_word(desk):
    article = published_article(title="Ten <b> of forty")
    article.title = "Twelve <b> of forty"
    article.save()
    article.sections.filter(position=1).update(body="<p>Another body. [@halpern]</p>")
    publish(article)
    html = desk.get(url(article, "compare"), {"old": "1", "new": "2"}).content.decode()
    words = re.sub(r'<span class="visually-hidden">.*?</span>', "", html)
    assert "<del>Ten</del><ins>Twelve</ins> &lt;b&gt; of forty" in words
    assert '<h2 id="difference-2">Text: Methods</h2>' in words
    assert words.count('class="difference"') == 2
    same = desk.get(url(article, "compare")).content.decode()
    assert "There is no difference." in same
    for query in ({"old": "3"}, {"new": "x"}, {"old": "9" * 5000}):
        assert desk.get(url(article, "compare"), query).status_code == 404


# --- the start page -------------------------------------------------------------------------------


def labels(client, title):
    return [label for label, _note in panels(client)[title]]


def test_the_start_pages_panels(desk, editor, review_desk, reviewer):
    mine, waiting = (
        PublishableArticleFactory(title="Mine"),
        PublishableArticleFactory(title="Waits"),
    )
    own = PublishableArticleFactory(title="Own")
    record_edit(article=mine, user=editor)
    record_edit(article=own, user=reviewer)
    for article in (waiting, own):
        submit_for_review(article=article, user=None)
    soon = approved_article(title="Soon")
    time = timezone.now() + datetime.timedelta(hours=1)
    schedule_article(article=soon, user=None, scheduled_for=time)
    mine.sections.filter(position=1).update(body="<p>[@gone]</p>")
    mine.references.create(key="spare", csl={"title": "x"})
    assert labels(desk, "My drafts") == ["Mine"]
    assert labels(desk, "Drafts") == []
    assert labels(desk, "Scheduled") == ["Soon"]
    assert panels(desk)["Broken references"] == [("Mine", "no reference: gone; never cited: spare")]
    assert "Could not be published as scheduled" not in panels(desk)
    assert labels(review_desk, "Waiting for my review") == ["Waits"]
    assert "My drafts" not in panels(review_desk)


def test_a_schedule_that_failed_is_shown_with_its_reasons(desk):
    from articles.services import publish_due_articles

    article = due_article()
    sign_by(article, declared=False)
    publish_due_articles()
    [(label, note)] = panels(desk)["Could not be published as scheduled"]
    assert label == article.title
    assert "has no current disclosure" in note
