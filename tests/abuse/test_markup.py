"""Markup in what editors write is stripped from rich text and escaped everywhere else."""

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from articles.models import Article, ArticleVersion, Topic
from portal.core.content_cache import memory
from portal.mail.models import Mailing
from tests.articles.desk_forms import change_url, form_data, section
from tests.factories import approve, publish

SCRIPT = "<script>alert(1)</script>"
VECTORS = [
    SCRIPT,
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script\n>",
    "<<SCRIPT>alert(1);//<</SCRIPT>",
    "<script>a=/x/\nalert(a)//",
    "<img src=x onerror=alert(1)>",
    '<img """><script>alert(1)</script>">',
    "<img src=`javascript:alert(1)`>",
    "<img src=x:x onerror\n=alert(1)//",
    "<img/src=x/onerror=alert(1)>",
    '<IMG SRC="jav&#x09;ascript:alert(1);">',
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=x><a onload=alert(1)/></svg>#x'/></svg>",
    "<math href='javascript:alert(1)'>x</math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=x&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style><style/><img src=x onerror=alert(1)></style>",
    "<style>@import 'javascript:alert(1)';</style>",
    '<p style="background:url(javascript:alert(1))">x</p>',
    '<div style="width:expression(alert(1))">x</div>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVaScRiPt:alert(1)">x</a>',
    '<a href="java\nscript:alert(1)">x</a>',
    '<a href="&#0000106&#0000097vascript:alert(1)">x</a>',
    '<a href="&#x6A&#x61vascript:alert(1)">x</a>',
    '<a href=" \x01javascript:alert(1)">x</a>',
    '<a href="vbscript:msgbox(1)">x</a>',
    '<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>',
    '<a href="//evil.example" target=_blank onclick="alert(1)" ping=//evil>x</a>',
    '<a href="http://x" onmouseover=alert(1) style="position:fixed;inset:0">x</a>',
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    '<form action="javascript:alert(1)"><button formaction="javascript:alert(1)">x</button></form>',
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    '<base href="//evil.example/">',
    '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<template><script>alert(1)</script></template>",
    "<xss id=x tabindex=1 onfocus=alert(1) contenteditable>x</xss>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "</section></main><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<table><td background='javascript:alert(1)' onclick=alert(1)>x</td></table>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "[@halpern<img src=x onerror=alert(1)>]",
    '<a href="[@halpern]" title="[@halpern]>">x</a>',
    "{{ 7|add:7 }}{% load x %}",
]
PLAIN = "x\" onmouseover='alert(1)' <script>alert(1)</script></title></textarea>{{ 7 }}"


class Dangers(HTMLParser):
    """Collects what must not stand in a page, beside what our own templates write."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "script" and "src" not in named and named.get("type") not in DATA_BLOCKS:
            self.found.append(f"inline script {named}")
        if tag in {"iframe", "object", "embed", "base", "marquee", "template", "math"}:
            self.found.append(tag)
        for name, value in attributes:
            address = "".join(character for character in value or "" if character > " ").lower()
            if name.startswith("on") or name == "srcdoc" or (name == "style" and self.is_page):
                self.found.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action", "formaction", "data", "xlink:href", "background"}:
                if address.startswith(("javascript:", "data:", "vbscript:")):
                    self.found.append(f"{tag} {name}={value}")
                if "evil.example" in address and tag != "a":
                    self.found.append(f"{tag} {name}={value}")

    is_page = True


DATA_BLOCKS = {"application/ld+json", "application/json"}


def dangers(html: str, *, is_mail: bool = False) -> list[str]:
    parser = Dangers()
    parser.is_page = not is_mail  # mail programs know style attributes only
    parser.feed(html)
    parser.close()
    return parser.found


@pytest.fixture
def poisoned(world):
    """An article with every vector in its text, and markup in each of its plain fields."""
    article = world.draft
    Article.objects.filter(pk=article.pk).update(title=PLAIN, summary=PLAIN + "".join(VECTORS))
    Topic.objects.filter(articles=article).update(name=PLAIN, description=PLAIN)
    article.objectives.update(text="Interpret " + PLAIN)
    person = article.article_authors.get().person
    for field in ("name", "role", "affiliation"):
        setattr(person, field, PLAIN)
    person.save()
    article.sections.all().delete()
    for position, vector in enumerate(VECTORS, 1):
        article.sections.create(position=position, heading=PLAIN, body=f"<p>a {vector} b</p>")
    reference = article.references.get()
    reference.csl = {
        **reference.csl,
        "title": PLAIN,
        "container-title": PLAIN,
        "author": [{"family": PLAIN, "given": PLAIN}, {"literal": PLAIN}],
        "URL": "javascript:alert(1)",
        "DOI": PLAIN,
        "PMID": PLAIN,
        "volume": PLAIN,
    }
    reference.save()
    article.refresh_from_db()
    return article


def test_the_readers_pages(world, poisoned):
    publish(poisoned)
    memory.forget()
    topic = poisoned.topics.get()
    addresses = {
        "visitor": [
            "/",
            "/articles/",
            f"/articles/{poisoned.slug}/",
            topic.get_absolute_url(),
            "/search/?q=onmouseover",
            "/updates/",
        ],
        "attested": [
            f"/articles/{poisoned.slug}/",
            f"/articles/{poisoned.slug}/feedback/",
        ],
    }
    for who, paths in addresses.items():
        client = getattr(world, who)()
        for path in paths:
            page = client.get(path)
            assert page.status_code == 200
            html = page.content.decode()
            assert dangers(html) == [], (who, path)
            assert SCRIPT not in html
    whole = world.attested().get(f"/articles/{poisoned.slug}/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in whole
    assert "{{ 7 }}" in whole


def test_the_desks_pages_and_messages(world, poisoned):
    client = world.signed_in(world.superuser)
    approve(poisoned)
    publish = reverse("admin:articles_article_publish", args=[poisoned.pk])
    pages = [
        client.get(reverse("admin:articles_article_preview", args=[poisoned.pk])),
        client.get(publish),
        client.post(publish, {"latest": 0, "comment": PLAIN}, follow=True),
        client.get("/admin/"),
        client.get(change_url(poisoned)),
        client.get(reverse("admin:articles_article_history", args=[poisoned.pk])),
        client.get(reverse("admin:articles_article_delete", args=[poisoned.pk])),
        client.get(reverse("admin:articles_articleversion_changelist")),
        client.get(
            reverse("admin:articles_articleversion_change", args=[poisoned.versions.get().pk])
        ),
        client.get(reverse("admin:articles_topic_changelist")),
        client.get(reverse("admin:people_person_changelist")),
        client.get(reverse("admin:feedback_results")),
        client.get(reverse("admin:feedback_results"), {"article": poisoned.pk}),
        client.get(reverse("admin:feedback_export")),
        client.get(reverse("admin:mail_mailing_changelist")),
        client.get("/admin/articles/article/?q=" + "%3Cscript%3Ealert(1)%3C/script%3E"),
    ]
    assert ArticleVersion.objects.filter(article=poisoned).count() == 1
    for page in pages:
        assert page.status_code == 200
        html = page.content.decode()
        found = [
            danger
            for danger in dangers(html)
            # The editor's import map, an inline script under a nonce.
            if "importmap" not in danger
        ]
        assert found == [], page.request["PATH_INFO"]
        assert SCRIPT not in html, page.request["PATH_INFO"]


def test_a_title_with_markup_is_escaped_in_the_message_after_publishing(world, poisoned):
    client = world.signed_in(world.editor)
    approve(poisoned)
    publish = reverse("admin:articles_article_publish", args=[poisoned.pk])
    page = client.post(publish, {"latest": 0}, follow=True).content.decode()
    message = page.partition('class="success">')[2].partition("</li>")[0]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in message
    assert "<script" not in message


def test_the_mail(world, poisoned):
    publish(poisoned)
    mailing = Mailing.objects.get(key=f"article:{poisoned.pk}:en-gb")
    assert dangers(mailing.html, is_mail=True) == []
    assert SCRIPT not in mailing.html
    assert "\n" not in mailing.subject


@pytest.mark.parametrize("start", range(0, len(VECTORS), 20))
def test_through_the_form(world, start):
    """The same vectors as an editor's browser sends them."""
    client = world.signed_in(world.editor)
    sections = [section(f"<p>a {vector} b</p>") for vector in VECTORS[start : start + 20]]
    data = form_data(world.article.topics.get(), sections=sections)
    page = client.post("/admin/articles/article/add/", {**data, "title": PLAIN, "slug": "new"})
    if page.status_code == 200:  # a vector that looks like a citation is an error, shown again
        assert dangers(page.content.decode().replace("importmap", "application/json")) == []
        return
    for body in Article.objects.get(slug="new").sections.values_list("body", flat=True):
        assert dangers(body) == []
        assert "<script" not in body.lower()
