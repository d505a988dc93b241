"""The survey of an article: which one, which version, and what is asked in it."""

import pytest
from django.db import ProgrammingError, transaction

from feedback.models import (
    ArticleSurvey,
    Response,
    Survey,
    current_survey_version,
    load_survey_version,
)
from portal.core.content_cache import memory
from tests.factories import publish, published_article

from .builders import (
    checked,
    filled,
    publish_survey,
    publish_version_2,
    respond_url,
    texts,
    thanks_url,
)

pytestmark = pytest.mark.django_db


# --- another version ------------------------------------------------------------------------------


def test_a_stale_survey_is_shown_anew_with_the_answers_to_unchanged_statements(attested):
    article = published_article()
    data = filled(article, [5, 4, 3, 2])
    publish_version_2(changed="objectives", text="The content met the learning objectives")
    memory.forget()
    response = attested.post(respond_url(article), data)
    assert response.status_code == 409
    assert Response.objects.count() == 0
    assert checked(response) == {"clear": 5, "relevant": 3, "change": 2}
    assert "The statements have changed" in response.content.decode()
    assert "The content met the learning objectives" in response.content.decode()

    assert attested.post(respond_url(article), filled(article, [5, 4, 3, 2])).status_code == 303
    # Version 2 asks for the objectives last.
    assert Response.objects.get().levels == [5, 3, 2, 4]


def test_a_process_that_does_not_know_the_newest_survey_yet_takes_its_answers(attested):
    article = published_article()
    attested.get(respond_url(article))  # remembers version 1
    version = publish_version_2(changed="objectives", text="The content met its objectives")
    assert attested.post(respond_url(article), filled(article, [5, 4, 3, 2])).status_code == 303
    assert Response.objects.get().survey_version == version


def test_answers_to_an_earlier_version_are_shown_as_they_were_and_offered_for_change(attested):
    article = published_article()
    attested.post(respond_url(article), filled(article, [5, 4, 3, 2]))
    first = load_survey_version()
    publish_version_2(changed="clear", text="The content was clear")
    memory.forget()
    assert texts(attested.get(thanks_url(article)), "<dt>(.*?)</dt>") == [
        item.wording.text for item in first.items
    ]
    assert checked(attested.get(respond_url(article))) == {
        "objectives": 4,
        "relevant": 3,
        "change": 2,
    }


# --- another survey -------------------------------------------------------------------------------


def choose(article, survey):
    return ArticleSurvey.objects.create(article=article, survey=survey)


def ask(*texts, **fields):
    return publish_survey("trial", texts or ["I would join a trial"], **fields)


def test_an_article_asks_the_survey_that_was_chosen_for_it(attested, django_assert_num_queries):
    article, other = published_article(), published_article()
    version = ask("I would join a trial", "I know one")
    attested.get(other.get_absolute_url())
    choose(article, version.survey)
    memory.forget()
    legends = "<legend[^>]*>(.*?)</legend>"
    for url in (article.get_absolute_url(), respond_url(article)):
        assert texts(attested.get(url), legends) == ["I would join a trial", "I know one"]
    assert len(texts(attested.get(other.get_absolute_url()), legends)) == 4
    with django_assert_num_queries(0):
        assert current_survey_version(article.pk).version_id == version.pk

    data = {
        "survey_version": version.pk,
        "article_version": article.published_version_id,
        "level-trial-1": 2,
        "level-trial-2": 5,
    }
    assert attested.post(respond_url(article), data).status_code == 303
    saved = Response.objects.get()
    assert (saved.levels, saved.survey_version_id) == ([2, 5], version.pk)
    assert texts(attested.get(thanks_url(article)), "<dd>(.*?)</dd>") == [
        "Disagree",
        "Strongly agree",
    ]
    # The other article does not take them: its own statements have not changed.
    refused = attested.post(respond_url(other), data)
    assert refused.status_code == 400
    assert "The statements have changed" not in refused.content.decode()
    about = ["These answers belong to another survey.", "These answers are about another article."]
    assert [refused.content.decode().count(message) for message in about] == [1, 1]
    assert Response.objects.count() == 1


def test_choosing_another_survey_shows_on_pages_that_are_remembered(attested, settings):
    article = published_article()
    version = ask()
    settings.CONTENT_STAMP_SECONDS = 0
    assert "I would join a trial" not in attested.get(article.get_absolute_url()).content.decode()
    chosen = choose(article, version.survey)
    assert "I would join a trial" in attested.get(article.get_absolute_url()).content.decode()
    chosen.delete()
    assert "I would join a trial" not in attested.get(article.get_absolute_url()).content.decode()


@pytest.mark.parametrize("is_republished", [False, True])
def test_answers_to_the_survey_that_was_replaced_meanwhile_are_not_taken(attested, is_republished):
    article = published_article()
    data = filled(article, [5, 4, 3, 2], comment="Kept")
    choose(article, ask(comment_question="Why?").survey)
    if is_republished:  # Then the form is of an earlier version of this article, too.
        publish(article)
    memory.forget()
    response = attested.post(respond_url(article), data)
    assert response.status_code == 409
    assert "The statements have changed" in response.content.decode()
    assert "Kept" in response.content.decode()
    assert Response.objects.count() == 0


@pytest.mark.parametrize("surveys", [0, 20])
def test_a_cold_article_page_costs_three_queries_however_many_surveys(
    attested, django_assert_num_queries, surveys
):
    article = published_article()
    for number in range(surveys):
        choose(published_article(), publish_survey(f"s{number}", ["A statement"]).survey)
    choose(article, ask("I would join a trial", comment_question="Why?").survey)
    memory.forget()
    with django_assert_num_queries(3):  # stamp, what every page shows, the version
        page = attested.get(article.get_absolute_url()).content.decode()
    assert "Why?" in page
    with django_assert_num_queries(0):
        attested.get(article.get_absolute_url())


def test_the_database_refuses_a_survey_that_was_never_published():
    draft = Survey.objects.create(key="unpublished", name="Never published")
    with (
        pytest.raises(ProgrammingError, match="must have been published"),
        transaction.atomic(),
    ):
        choose(published_article(), draft)
    chosen = choose(published_article(), ask().survey)
    with pytest.raises(ProgrammingError, match="must have been published"), transaction.atomic():
        ArticleSurvey.objects.filter(pk=chosen.pk).update(survey=draft)
