"""What readers wrote: who reads it, in which order, and how staff hide it."""

import re
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.auth.models import Permission
from django.db.models import F
from django.urls import reverse

from feedback.models import HiddenComment, Response
from tests.factories import UserFactory, published_article

from .builders import answer, refresh_tallies
from .desk import FEBRUARY, MARCH, TODAY, at, results_url, text

pytestmark = pytest.mark.django_db

ALL_AGREE = [5, 5, 5, 5]


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def article():
    """An article with 30 comments, beside another."""
    article = published_article()
    for number in range(30):
        answer(
            article,
            [ALL_AGREE],
            comment=f"Word {number:02}",
            submitted_at=at(MARCH if number < 15 else FEBRUARY),
            profession="nurse",
        )
    answer(article, [ALL_AGREE], submitted_at=at(MARCH))
    answer(published_article(), [ALL_AGREE] * 20, comment="Elsewhere", submitted_at=at(MARCH))
    refresh_tallies()
    return article


def words_on(page):
    return re.findall(r"Word \d\d", text(page))


def mark_of(page, word):
    source = page.content.decode()
    return re.search(r'name="mark" value="(\w+)"', source[source.index(word) :])[1]


def moderate(client, mark, do, reason="", **filters):
    address = f"{reverse('admin:feedback_results_comments')}?{urlencode(filters)}"
    return client.post(address, {"mark": mark, "do": do, "reason": reason})


def test_the_order_is_random_always_the_same_and_complete(desk, article):
    client = desk("Staff")
    first = client.get(results_url(article=article.pk))
    assert "30 readers of this selection wrote something." in text(first)
    second = client.get(results_url(article=article.pk, comments=2))
    found = words_on(first) + words_on(second)
    assert len(words_on(first)) == 20
    assert sorted(found) == [f"Word {number:02}" for number in range(30)]
    assert found != sorted(found)
    assert words_on(client.get(results_url(article=article.pk))) == words_on(first)
    assert "Elsewhere" not in text(first)
    assert words_on(client.get(results_url(article=article.pk, month="2026-02"))) == [
        word for word in found if int(word[-2:]) >= 15
    ]


def test_nothing_on_the_page_says_who_or_when_or_which_response(desk, article):
    # Numbers that stand for nothing else on a page.
    Response.objects.update(id=F("id") + 7_000_000)
    source = desk("Staff").get(results_url(article=article.pk)).content.decode()
    section = re.sub(r"[0-9a-f]{32}", "mark", source[source.index('id="comments"') :])
    assert "nurse" not in section.lower()
    assert "2026" not in section
    for response in Response.objects.filter(article=article):
        assert f'"{response.pk}"' not in section


def test_markup_is_shown_as_text(desk, article):
    response = Response.objects.filter(article=article).first()
    Response.objects.filter(pk=response.pk).update(comment="<script>alert(1)</script>\n<b>x")
    source = desk("Staff").get(results_url(article=article.pk)).content.decode()
    source += desk("Staff").get(results_url(article=article.pk, comments=2)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>&lt;b&gt;x" in source
    assert "<script>alert" not in source


def test_only_for_whoever_may_read_them(client, article):
    user = UserFactory(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_results"))
    client.force_login(user)
    page = client.get(results_url(article=article.pk))
    assert page.context["figures"].n == 31
    assert words_on(page) == []
    assert "In readers’ own words" not in text(page)


def test_hidden_with_a_reason_and_shown_again(desk, client, article):
    staff = desk("Staff")
    page = staff.get(results_url(article=article.pk))
    word = words_on(page)[3]
    answered = moderate(
        staff, mark_of(page, word), "hide", "Tells of a patient", article=article.pk, comments=1
    )
    assert answered.status_code == 302
    assert answered["Location"] == results_url(article=article.pk, comments=1) + "#comments"
    hidden = HiddenComment.objects.get()
    assert hidden.response.comment == word
    assert hidden.hidden_by_id == int(staff.session["_auth_user_id"])
    page = staff.get(results_url(article=article.pk))
    assert "The text is hidden." in text(page)
    assert "Hidden: Tells of a patient" in text(page)
    # Whoever may not hide it does not see it, nor that it is there.
    reader = UserFactory(is_staff=True)
    for code in ("view_results", "view_comments"):
        reader.user_permissions.add(Permission.objects.get(codename=code))
    client.force_login(reader)
    other = client.get(results_url(article=article.pk))
    assert "29 readers" in text(other)
    assert word not in text(other) + text(client.get(results_url(article=article.pk, comments=2)))
    assert "Hide" not in text(other)

    moderate(staff, mark_of(page, "Hidden: Tells"), "show", article=article.pk)
    assert not HiddenComment.objects.exists()
    assert [
        (entry.action_flag, entry.change_message) for entry in LogEntry.objects.order_by("pk")
    ] == [
        (ADDITION, "Tells of a patient"),
        (DELETION, "Tells of a patient"),
    ]


def test_a_double_click_hides_once(desk, article):
    staff = desk("Staff")
    mark = mark_of(staff.get(results_url(article=article.pk)), "Word")
    for _click in range(2):
        assert moderate(staff, mark, "hide", "Rude", article=article.pk).status_code == 302
    assert HiddenComment.objects.count() == 1
    assert LogEntry.objects.count() == 1
    for _click in range(2):
        assert moderate(staff, mark, "show", article=article.pk).status_code == 302
    assert LogEntry.objects.count() == 2


def test_the_reason_is_needed(desk, article):
    staff = desk("Staff")
    mark = mark_of(staff.get(results_url(article=article.pk)), "Word")
    page = moderate(staff, mark, "hide", " ", article=article.pk)
    assert page.status_code == 400
    assert "Enter the reason." in text(page)
    assert 'href="#hide_reason"' in page.content.decode()
    assert 'id="hide_reason"' in page.content.decode()
    assert not HiddenComment.objects.exists()


@pytest.mark.parametrize("mark", ["", "x", "0" * 32, "a" * 5000])
def test_a_wrong_mark_is_not_found(desk, article, mark):
    assert moderate(desk("Staff"), mark, "hide", "Rude", article=article.pk).status_code == 404


def test_what_is_not_shown_is_not_hidden_either(desk, article):
    """Or a page about a small group could be asked for by its marks."""
    staff = desk("Staff")
    few = published_article()
    answer(few, [ALL_AGREE] * 9, comment="Alone", submitted_at=at(MARCH))
    mark = mark_of(staff.get(results_url(article=article.pk)), "Word")
    refresh_tallies()
    assert moderate(staff, mark, "hide", "Rude", article=few.pk).status_code == 404
    assert moderate(staff, mark, "hide", "Rude", article="nowhere").status_code == 404


@pytest.mark.parametrize("missing", ["view_results", "view_comments", "hide_comments"])
def test_moderation_needs_all_three_permissions(client, article, missing):
    user = UserFactory(is_staff=True)
    for code in {"view_results", "view_comments", "hide_comments"} - {missing}:
        user.user_permissions.add(Permission.objects.get(codename=code))
    client.force_login(user)
    assert moderate(client, "0" * 32, "hide", "Rude", article=article.pk).status_code == 403
    assert client.get(reverse("admin:feedback_results_comments")).status_code == 403
