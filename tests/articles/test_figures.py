"""Figures: in the database, on the form, in a version, on the page and behind the gate."""

import re
from io import BytesIO
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image

from articles.blocks import publication_blocks
from articles.models import Section
from tests.factories import (
    ArticleFactory,
    PublishableArticleFactory,
    TopicFactory,
    UserFactory,
    add_figure,
    image_file,
    publish,
)

from .desk_forms import ADD, change_url, errors, form_data, preview_url, section

pytestmark = pytest.mark.django_db


def with_figures(*figures):
    """Return an article with these figures (fields), published."""
    article = PublishableArticleFactory()
    for number, fields in enumerate(figures):
        add_figure(article, **{"position": 5 + number} | fields)
    publish(article)
    return article


def address(figure, width=None, suffix="png"):
    if width is None:
        return f"/media/{figure.image.name}"
    return f"/media/{figure.image.name.removesuffix('.png')}/{width}w.{suffix}"


def page(client, article):
    return client.get(article.get_absolute_url()).content.decode()


def text_part(html):
    """The article itself: the survey below it holds a token that is new each time."""
    return html[html.index('<div class="article-body') : html.index('id="cite"')]


# --- the database ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"image": ""},
        {"alt": ""},
        {"is_decorative": True},  # and described
        {"kind": "text"},
        {"kind": "key_data", "alt": "", "is_decorative": True},
    ],
)
def test_constraint_on_figures(fields):
    article = ArticleFactory()
    with pytest.raises(IntegrityError, match="articles_section_figure"), transaction.atomic():
        add_figure(article, **fields)
    assert not article.sections.exists()


@pytest.mark.parametrize("fields", [{}, {"alt": "", "is_decorative": True}])
def test_figures_that_the_constraint_lets_in(fields):
    assert add_figure(ArticleFactory(), **fields).pk


# --- the form -------------------------------------------------------------------------------------


def figure(**fields):
    return section("<p>Caption</p>", kind="figure", image=image_file(), alt="It falls.", **fields)


def test_an_editor_uploads_a_figure(desk):
    data = form_data(
        TopicFactory(), sections=[figure(credit="A. Artist", licence="CC BY 4.0", heading="")]
    )
    assert desk.post(ADD, data).status_code == 302
    saved = Section.objects.get()
    assert re.fullmatch(r"figures/[0-9a-f]{32}\.png", saved.image.name)
    assert (saved.image_width, saved.image_height) == (800, 600)
    assert (saved.alt, saved.credit, saved.licence) == ("It falls.", "A. Artist", "CC BY 4.0")
    form = desk.get(change_url(saved.article)).content.decode()
    assert 'enctype="multipart/form-data"' in form
    assert 'accept="image/png,image/jpeg,image/webp"' in form
    assert f'<a href="{address(saved)}">' in form
    assert f'src="{address(saved, 240, "webp")}"' in form


def test_a_form_without_a_new_image_keeps_the_old_one(desk):
    kept = add_figure(ArticleFactory())
    row = section("<p>New caption</p>", kind="figure", alt="It falls.", id=kept.pk)
    data = form_data(TopicFactory(), sections=[row])
    assert desk.post(change_url(kept.article), data).status_code == 302
    after = Section.objects.get()
    assert (after.image.name, after.body) == (kept.image.name, "<p>New caption</p>")


def test_an_image_is_cleared_when_the_figure_becomes_text(desk):
    kept = add_figure(ArticleFactory())
    row = section("<p>Text</p>", id=kept.pk)
    data = form_data(TopicFactory(), sections=[row])
    only = "Only a section of the kind “figure” has an image."
    assert errors(desk.post(change_url(kept.article), data)) == [only]
    data["sections-0-image-clear"] = "on"
    assert desk.post(change_url(kept.article), data).status_code == 302
    after = Section.objects.get()
    assert (after.kind, after.image.name, after.image_width) == ("text", "", None)
    assert desk.get(address(kept)).status_code == 200  # a published version may show it


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"image": ""}, "image", "A figure needs an image."),
        ({"alt": " \n"}, "alt", "Describe what the figure shows, or mark it as decorative."),
        (
            {"is_decorative": "on"},
            "is_decorative",
            "A decorative figure has no description: delete one of the two.",
        ),
        ({"kind": "text"}, "image", "Only a section of the kind “figure” has an image."),
        (
            {"image": image_file("GIF")},
            "image",
            "This is no PNG, JPEG or WebP image, or it is damaged.",
        ),
        ({"image": image_file(size=(50, 50))}, "image", None),
    ],
)
def test_errors_stand_at_their_field_alone(desk, fields, field, message):
    if image := fields.get("image"):
        image.seek(0)
    data = form_data(TopicFactory(), sections=[figure() | fields])
    response = desk.post(ADD, data)
    found = errors(response)
    assert len(found) == 1
    assert message in (found[0], None)
    (formset,) = (
        formset.formset
        for formset in response.context["inline_admin_formsets"]
        if formset.formset.prefix == "sections"
    )
    assert list(formset.forms[0].errors) == [field]
    assert not Section.objects.exists()


def test_uploads_past_all_measure_are_not_taken_in(desk, settings):
    settings.MAX_UPLOAD_SIZE = 1000
    data = form_data(TopicFactory(), sections=[figure()])
    assert desk.post(ADD, data).status_code == 400
    assert not Section.objects.exists()
    settings.MAX_UPLOAD_SIZE = 100_000
    assert desk.post(ADD, form_data(TopicFactory(), sections=[figure()])).status_code == 302


# --- publishing -----------------------------------------------------------------------------------


def test_a_figure_needs_a_caption_but_no_source(desk):
    article = PublishableArticleFactory()
    empty = add_figure(article)
    assert publication_blocks(article) == []
    empty.body = "<p></p>"
    empty.save()
    messages = [block.message for block in publication_blocks(article)]
    assert messages == ["The section “A curve” is empty."]


def test_the_document_says_all_that_the_page_needs():
    article = with_figures({"body": "<p>See [@halpern]</p>", "credit": "A.", "licence": "CC0"})
    name = article.sections.get(kind="figure").image.name
    stem = name.removesuffix(".png")
    (shown,) = (
        section
        for section in article.published_version.document["sections"]
        if section["kind"] == "figure"
    )
    assert shown == {
        "kind": "figure",
        "heading": "A curve",
        "anchor": "section-a-curve",
        "html": "<p>See [@halpern]</p>",
        "figure": {
            "original": name,
            "width": 800,
            "height": 600,
            "variants": {
                f"image/{suffix}": [
                    {"name": f"{stem}/{width}w.{suffix}", "width": width}
                    for width in (240, 480, 720, 800)
                ]
                for suffix in ("avif", "webp")
            },
            "alt": "It falls.",
            "credit": "A.",
            "licence": "CC0",
        },
    }


def test_figures_stay_where_the_editor_put_them():
    article = PublishableArticleFactory()
    article.sections.update(position=1)
    add_figure(article, position=2)
    article.sections.create(position=3, heading="Results", body="<p>x</p>")
    publish(article)
    kinds = [section["kind"] for section in article.published_version.document["sections"]]
    assert kinds == ["key_data", "text", "figure", "text"]


def test_a_draft_never_changes_what_was_published(attested, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    article = with_figures({})
    draft = article.sections.get(kind="figure")
    before, published = text_part(page(attested, article)), address(draft)
    draft.image, draft.alt = image_file(size=(500, 500)), "Another."
    draft.save()
    assert text_part(page(attested, article)) == before
    assert published in before
    draft.delete()
    assert attested.get(published).status_code == 200
    publish(article)
    assert published not in page(attested, article)


# --- the page -------------------------------------------------------------------------------------


def test_a_figure_on_the_page(attested):
    article = with_figures(
        {"body": "<p>See [@halpern]</p>", "credit": "A <b>", "licence": "CC0", "alt": 'It "falls"'}
    )
    figure = article.sections.get(kind="figure")
    html = page(attested, article)
    (markup,) = re.findall(r"(?s)<figure.*?</figure>", html)
    for suffix in ("avif", "webp"):
        srcset = ", ".join(f"{address(figure, w, suffix)} {w}w" for w in (240, 480, 720, 800))
        assert f'srcset="{srcset}"' in markup
    assert markup.index("image/avif") < markup.index("image/webp") < markup.index("<img")
    (image,) = re.findall(r"(?s)<img[^>]*>", markup)
    assert " ".join(image.split()) == (
        f'<img src="{address(figure)}" alt="It &quot;falls&quot;" width="800" height="600" '
        'loading="lazy" decoding="async">'
    )
    words = " ".join(re.sub("<[^>]+>", " ", markup).split())
    assert words == (
        "Figure 1. A curve See 1 Credit: A &lt;b&gt; Licence: CC0 Full size of figure 1"
    )
    assert 'href="#ref-halpern"' in markup
    assert 'style="' not in markup


def test_figures_are_numbered_by_their_order_and_stand_in_the_contents(attested):
    article = with_figures({"heading": "B"}, {"heading": "A"}, {"heading": ""})
    html = page(attested, article)
    captions = re.findall(r'(?s)<p class="figure-title">(.*?)</p>', html)
    titles = [" ".join(re.sub("<[^>]+>", "", caption).split()) for caption in captions]
    assert titles == ["Figure 1. B", "Figure 2. A", "Figure 3."]
    contents = re.search(r'(?s)<nav class="contents".*?</nav>', html).group()
    assert re.findall(r'href="([^"]+)"', contents) == [
        "#section-key-data",
        "#section-methods",
        "#section-b",
        "#section-a",
        "#section-figure",
        "#references",
    ]
    lines = re.findall(r"(?s)<li>(.*?)</li>", contents)
    assert [" ".join(re.sub("<[^>]+>", "", line).split()) for line in lines][2:5] == titles


def test_a_decorative_figure_has_an_empty_description(attested):
    article = with_figures({"alt": "", "is_decorative": True})
    assert re.search(r'<img src="[^"]+"\s+alt=""', page(attested, article))


def test_nothing_of_a_figure_is_on_the_teaser(client):
    article = with_figures({"body": "<p>Caption of it</p>"})
    html = page(client, article)
    for closed in ("/media/", "<figure", "It falls.", "Caption of it"):
        assert closed not in html


@pytest.mark.parametrize("count", [1, 3])
def test_figures_cost_no_query(attested, django_assert_num_queries, count):
    article = with_figures(*({"image": image_file(size=(120, 120))} for _ in range(count)))
    attested.get("/patients/")  # the frame of every page is remembered from here on
    with django_assert_num_queries(1):
        page(attested, article)
    with django_assert_num_queries(0):
        page(attested, article)


# --- media ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "suffix", "content_type"),
    [(None, "png", "image/png"), (240, "avif", "image/avif"), (800, "webp", "image/webp")],
)
def test_attested_readers_get_the_file(
    attested, django_assert_num_queries, width, suffix, content_type
):
    figure = add_figure(ArticleFactory())
    attested.get("/patients/")
    with django_assert_num_queries(0):
        response = attested.get(address(figure, width, suffix))
        content = response.getvalue()
    assert response.status_code == 200
    assert response["Content-Type"] == content_type
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("inline; filename=")
    assert set(response["Cache-Control"].split(", ")) == {
        "private",
        "max-age=31536000",
        "immutable",
    }
    with Image.open(BytesIO(content)) as image:
        assert image.width == (width or 800)


@pytest.mark.parametrize("method", ["get", "head"])
def test_visitors_are_asked_at_the_gate(client, method):
    url = address(add_figure(ArticleFactory()), 240, "webp")
    response = getattr(client, method)(url)
    assert response.status_code == 302
    assert unquote(response["Location"]) == f"{reverse('gate')}?next={url}"
    assert response["Cache-Control"] == "private, no-cache"
    # Whether there is such a file is not told.
    gone = f"/media/figures/{'0' * 32}.png"
    assert getattr(client, method)(gone).status_code == 302


def test_the_desk_sees_drafts(desk):
    article = PublishableArticleFactory()
    figure = add_figure(article)
    html = desk.get(preview_url(article)).content.decode()
    for url in (address(figure), address(figure, 720, "avif")):
        assert url in html
        response = desk.get(url)
        assert response.status_code == 200
        assert "no-cache" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]


def test_an_account_alone_opens_nothing(client):
    url = address(add_figure(ArticleFactory()))
    for fields in ({}, {"is_staff": True}, {"is_superuser": True}):
        client.force_login(UserFactory(**fields))
        assert client.get(url).status_code == 302


@pytest.mark.parametrize(
    "name",
    [
        "figures/",
        "figures/00000000000000000000000000000000.png",
        "figures/00000000000000000000000000000000/240w.avif",
        "../portal/settings.py",
        "figures/../../media/figures/{stem}.png",
        "figures/{stem}/../{stem}.png",
        "figures//{stem}.png",
        "./figures/{stem}.png",
        "%2e%2e/figures/{stem}.png",
        "figures/{stem}.png/",
        "figures/{stem}.png%0a",
        "figures/{stem}.PNG",
        "figures/{stem}.svg",
        "figures/{stem}",
        "figures/{stem}/",
        "figures/{stem}/99999w.webp",
        "figures/{stem}.png%00.jpg",
        "C:%5Cfigures%5C{stem}.png",
        "x" * 5000,
    ],
)
def test_no_other_file_is_reached(attested, name):
    figure = add_figure(ArticleFactory())
    stem = figure.image.name.removeprefix("figures/").removesuffix(".png")
    response = attested.get("/media/" + name.format(stem=stem))
    assert response.status_code == (400 if "%00" in name else 404)


def test_a_file_beside_the_figures_is_not_served(attested):
    place = settings.MEDIA_ROOT / "figures"
    place.mkdir(parents=True, exist_ok=True)
    (place / "notes.png").write_bytes(image_file().read())
    assert attested.get("/media/figures/notes.png").status_code == 404
    assert attested.post("/media/figures/notes.png").status_code == 405
