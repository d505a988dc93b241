"""The editors' desk: who may do what, what it costs, its start page."""

import pytest
from django.urls import reverse

from articles.admin.article import MAX_ROWS
from articles.models import Article, ArticleVersion, LearningObjective
from tests.factories import (
    PublishableArticleFactory,
    TopicFactory,
    UserFactory,
    published_article,
    sign_by,
)

from .desk_forms import (
    ADD,
    change_url,
    form_data,
    panels,
    preview_url,
    publish_url,
)

pytestmark = pytest.mark.django_db

# --- who may do what ------------------------------------------------------------------------------


def test_visitors_and_strangers_are_sent_to_sign_in(client):
    article = PublishableArticleFactory()
    urls = [change_url(article), publish_url(article), preview_url(article)]
    for url in urls:
        assert client.get(url).status_code == 302
        assert client.post(url).status_code == 302
    client.force_login(UserFactory())
    for url in urls:
        assert client.get(url).status_code in {302, 403}
    assert ArticleVersion.objects.count() == 0


def test_staff_may_look_but_not_write_or_publish(client):
    article = PublishableArticleFactory()
    client.force_login(UserFactory(group="Staff"))
    assert client.get(change_url(article)).status_code == 200
    assert client.get(preview_url(article)).status_code == 200
    assert client.post(change_url(article), {}).status_code == 403
    assert client.get(publish_url(article)).status_code == 403
    assert client.post(publish_url(article), {"latest": 0}).status_code == 403
    assert client.get(ADD).status_code == 403
    assert "Publish…" not in client.get(change_url(article)).content.decode()


def test_editors_delete_no_article_and_change_no_version(desk):
    article = published_article()
    version = article.published_version
    delete = reverse("admin:articles_article_delete", args=[article.pk])
    assert desk.get(delete).status_code == 403
    assert desk.post(delete, {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [article.pk], "post": "yes"}
    desk.post("/admin/articles/article/", action)
    assert Article.objects.count() == 1
    page = reverse("admin:articles_articleversion_change", args=[version.pk])
    assert desk.get(page).status_code == 200
    assert desk.post(page, {"number": 9}).status_code == 403
    assert desk.get("/admin/articles/articleversion/add/").status_code == 403
    delete = reverse("admin:articles_articleversion_delete", args=[version.pk])
    assert desk.post(delete, {"post": "yes"}).status_code == 403


WRONG_NUMBERS = ["0", "-1", "x", "9" * 20, "9" * 5000, "1%00", "1/../2", "_5B"]
WRONG_FILTERS = [
    "status__exact=x",
    "topics__id__exact=x",
    "topics__id__exact=" + "9" * 5000,
    "type__exact=%00",
    "is_demo__exact=7",
    "first_published_at__year=99999",
    "first_published_at__year=x",
    "first_published_at__gte=99999-01-01",
    "p=x",
    "p=" + "9" * 5000,
    "o=99.x",
    "all=x",
    "q=%00",
    "q=" + "x " * 50,
    "nonsense__id=1",
]


@pytest.mark.parametrize("page", ["change", "publish", "preview", "history", "delete"])
def test_wrong_addresses_are_no_errors(desk, page):
    PublishableArticleFactory()
    answers = {
        number[:9]: desk.get(f"/admin/articles/article/{number}/{page}/").status_code
        for number in WRONG_NUMBERS
    }
    expected = {400, 404} if page in {"publish", "preview"} else {302, 400, 403, 404}
    assert set(answers.values()) <= expected, answers


@pytest.mark.parametrize("model", ["article", "articleversion", "topic"])
def test_wrong_filters_are_no_errors(desk, model):
    published_article()
    answers = {
        query[:30]: desk.get(f"/admin/articles/{model}/?{query}").status_code
        for query in WRONG_FILTERS
    }
    assert set(answers.values()) <= {200, 302, 400}, answers


# --- what it costs --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_articles_costs_the_same_at_any_length(desk, django_assert_num_queries, count):
    for _ in range(count):
        published_article()
    desk.get("/admin/articles/article/")
    with django_assert_num_queries(10):
        desk.get("/admin/articles/article/")
    with django_assert_num_queries(9):
        desk.get("/admin/articles/articleversion/")


@pytest.mark.parametrize("count", [1, 3])
def test_the_form_costs_the_same_however_long_the_article(desk, django_assert_num_queries, count):
    article = PublishableArticleFactory()
    for number in range(count):
        article.sections.create(position=number + 3, body="<p>x</p>")
        article.references.create(key=f"r{number}", csl={"title": "x"})
    desk.get(change_url(article))
    with django_assert_num_queries(31):
        desk.get(change_url(article))


# --- the start page -------------------------------------------------------------------------------


def test_the_start_page_shows_what_needs_doing(desk):
    published = published_article(title="As published")
    draft = PublishableArticleFactory(title="A draft")
    sign_by(draft, declared=False)
    shown = panels(desk)
    assert [label for label, _note in shown["Drafts"]] == ["A draft"]
    assert shown["Disclosures that block publishing"] == [
        (draft.article_authors.get().person.name, "no current disclosure")
    ]
    assert published.title not in str(shown)


def test_staff_see_no_editors_panels(client):
    client.force_login(UserFactory(group="Staff"))
    assert {"Drafts", "Disclosures that block publishing"}.isdisjoint(panels(client))


def test_a_flood_of_rows_is_refused_before_it_is_built(desk):
    data = form_data(TopicFactory()) | {"objectives-TOTAL_FORMS": 100_000}
    answer = desk.post(ADD, data)
    assert answer.status_code == 200
    (objectives,) = (
        one.formset
        for one in answer.context["inline_admin_formsets"]
        if one.formset.model is LearningObjective
    )
    assert len(objectives.forms) == MAX_ROWS
    assert objectives.non_form_errors() == [f"Please submit at most {objectives.max_num} forms."]
    assert not Article.objects.exists()
