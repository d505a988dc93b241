"""Bodies that no form of ours sends, rights that nobody gave, and ways back that lead elsewhere."""

import json
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from articles.models import Article
from portal.accounts.models import User
from tests.articles.desk_forms import change_url, form_data, publish_url, section
from tests.factories import published_article

ADD = "/admin/articles/article/add/"


class Fields(HTMLParser):
    """Collects the names of a page's form fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        name = dict(attributes).get("name")
        if name and tag in {"input", "select", "textarea", "button"}:
            self.names.add(name)


def post(client, address, *arguments, **keywords) -> int:
    """Return the answer's status, and undo all that the request did."""
    before = transaction.savepoint()
    try:
        return client.post(address, *arguments, **keywords).status_code
    finally:
        transaction.savepoint_rollback(before)


FORMS = [
    "gate",
    "subscribe",
    "account_login",
    "account_signup",
    "account_reset_password",
    "respond",
    "admin:articles_article_add",
    "admin:articles_topic_add",
    "admin:core_page_add",
    "admin:people_person_add",
    "admin:people_disclosure_add",
    "admin:funders_agreement_add",
    "admin:funders_funder_add",
    "admin:accounts_user_add",
    "admin:mail_suppression_add",
    "admin:feedback_export",
    "admin:password_change",
    "account_email",
]


def client_of(world, name: str) -> Client:
    if name.startswith("admin:") or name == "account_email":
        return world.all_powerful()
    return world.attested()


def address(world, name: str) -> str:
    return reverse(name, args=[world.article.slug] if name == "respond" else [])


@pytest.mark.parametrize("name", FORMS)
def test_nul_in_each_field_of_each_form(world, name):
    client, path = client_of(world, name), address(world, name)
    fields = Fields(client.get(path).content.decode()).names - {"csrfmiddlewaretoken"}
    assert len(fields) > 1
    for field in fields:
        assert post(client, path, {field: "a\0b"}) == 400
    assert post(client, path, {"a\0b": "x"}) == 400


HOSTILE = ["9" * 5000, "-1", "99999-01-01", "\ud7ff\u202e", "x" * 100_000, "'\"<script>", "1e400"]


@pytest.mark.parametrize("name", FORMS)
def test_nonsense_in_all_fields_of_each_form(world, name):
    client, path = client_of(world, name), address(world, name)
    fields = Fields(client.get(path).content.decode()).names - {"csrfmiddlewaretoken"}
    for value in HOSTILE:
        data = {
            field: [value, value] if "TOTAL_FORMS" not in field else "1" for field in sorted(fields)
        }
        assert post(client, path, data) in {200, 302, 303, 400, 403}


@pytest.mark.parametrize("name", FORMS)
def test_bodies_that_are_no_form(world, name):
    client, path = client_of(world, name), address(world, name)
    multipart = "multipart/form-data; boundary=b"
    bodies = [
        (json.dumps({"is_superuser": True, "email": "a\0b"}), "application/json"),
        (b"\xff\xfe=\xff&\xed\xa0\x80=1&%ff=%ed%a0%80&=&&;", "application/x-www-form-urlencoded"),
        (b"<x/>", "text/xml"),
        (b"--b\r\nContent-Disposition: form-data; name=", multipart),
        (b"--b\r\nContent-Disposition: form-data; name*=foo''bar\r\n\r\nx\r\n--b--\r\n", multipart),
        (
            (
                b'--b\r\nContent-Disposition: form-data; name="f"; filename="../../x"\r\n'
                b"Content-Type: text/x; charset*=foo''x\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n=\r\n--b--\r\n"
            ),
            multipart,
        ),
        (b"x", "multipart/form-data"),
        (b"", multipart),
        (b"x", "nonsense"),
    ]
    for body, content_type in bodies:
        assert post(client, path, body, content_type=content_type) in {200, 302, 303, 400, 403, 429}
    flood = "&".join(f"a{number}=1" for number in range(10_001))
    form = "application/x-www-form-urlencoded"
    assert post(client, path, flood, content_type=form) == 400
    assert post(client, path, "a=" + "x" * 3_000_000, content_type=form) == 400


# --- the article's form ---------------------------------------------------------------------------

COUNTS = ["", "x", "-1", "9" * 5000, "1e3", "٣"]


@pytest.mark.parametrize("count", COUNTS, ids=lambda count: count[:10])
@pytest.mark.parametrize("field", ["TOTAL_FORMS", "INITIAL_FORMS"])
def test_broken_management_forms_save_nothing(world, count, field):
    client = world.signed_in(world.editor)
    data = form_data(world.article.topics.get(), sections=[section("<p>Text.</p>")])
    data |= {"slug": "broken", f"sections-{field}": count}
    assert post(client, ADD, data) in {200, 302, 400}
    missing = {name: value for name, value in data.items() if field not in name}
    assert post(client, ADD, missing) in {200, 400}
    assert not Article.objects.filter(slug="broken").exists()


def test_rows_of_another_article_are_not_changed(world):
    client = world.signed_in(world.editor)
    foreign = world.draft
    before = repr(list(foreign.sections.values_list().order_by("pk")))
    rows = [
        section("<p>Taken over.</p>", id=row.pk, article=foreign.pk)
        for row in foreign.sections.all()
    ]
    data = form_data(world.article.topics.get(), sections=rows)
    for _ in range(2):
        client.post(change_url(world.article), data)
        assert repr(list(foreign.sections.values_list().order_by("pk"))) == before
        data |= {f"sections-{number}-DELETE": "on" for number in range(len(rows))}
    # Nor by sending new rows that claim to belong to it.
    rows = [section("<p>Smuggled.</p>", article=foreign.pk)]
    client.post(change_url(world.article), form_data(world.article.topics.get(), sections=rows))
    assert repr(list(foreign.sections.values_list().order_by("pk"))) == before


def test_what_only_verbs_change_is_not_posted(world):
    client = world.signed_in(world.editor)
    draft = world.draft
    fields = ("status", "published_version_id", "first_published_at", "search_vector", "created_at")
    before = Article.objects.values(*fields).get(pk=draft.pk)
    extra = {
        "status": "published",
        "published_version": world.article.published_version_id,
        "first_published_at_0": "2020-01-01",
        "first_published_at_1": "00:00:00",
        "first_published_at": "2020-01-01",
        "created_at": "2020-01-01",
        "is_superuser": "on",
        "groups": "1",
        "_publish": "1",
        "comment": "x",
    }
    data = form_data(draft.topics.get()) | {"title": "Saved", "slug": draft.slug} | extra
    assert client.post(change_url(draft), data).status_code == 302
    draft.refresh_from_db()
    assert draft.title == "Saved"
    assert Article.objects.values(*fields).get(pk=draft.pk) == before


def test_nobody_gives_themselves_rights(world):
    rights = {
        "is_superuser": "on",
        "is_staff": "on",
        "groups": [group.pk for group in world.editor.groups.all()],
        "user_permissions": "1",
        "email": "intruder@example.org",
        "password1": "Correct-Horse-9",
        "password2": "Correct-Horse-9",
        "name": "Intruder",
        "statement": "1",
        "is_healthcare_professional": "on",
        "consent": "on",
        "_save": "1",
    }
    before = list(User.objects.order_by("pk").values("pk", "is_superuser", "is_staff"))
    for user in (None, world.editor, world.staff):
        client = world.signed_in(user) if user else Client()
        for name in ("account_signup", "gate", "subscribe", "admin:accounts_user_add"):
            client.post(reverse(name), rights)
        for victim in (world.editor, world.staff, world.superuser):
            for page in ("change", "delete"):
                path = reverse(f"admin:accounts_user_{page}", args=[victim.pk])
                answer = client.post(path, {**rights, "post": "yes"})
                assert answer.status_code == (403 if user else 302)
            path = reverse("admin:auth_user_password_change", args=[victim.pk])
            assert client.post(path, rights).status_code == (403 if user else 302)
    added = User.objects.exclude(pk__in=[row["pk"] for row in before])
    assert not any(user.is_staff or user.is_superuser or user.groups.exists() for user in added)
    after = User.objects.filter(pk__in=[row["pk"] for row in before]).order_by("pk")
    assert list(after.values("pk", "is_superuser", "is_staff")) == before
    assert set(world.editor.groups.values_list("name", flat=True)) == {"Editors"}


def test_the_other_groups_verbs_are_refused(world):
    editor, staff = world.signed_in(world.editor), world.signed_in(world.staff)
    assert staff.post(publish_url(world.draft), {"latest": 0}).status_code == 403
    assert editor.post(reverse("admin:feedback_export"), {"purpose": "x"}).status_code == 403
    assert editor.get(reverse("admin:feedback_results")).status_code == 403
    world.draft.refresh_from_db()
    assert world.draft.status == Article.Status.DRAFT


def test_actions_on_lists_need_their_permission(world):
    other = published_article()
    for user in (world.editor, world.staff):
        client = world.signed_in(user)
        for address in (
            "/admin/articles/article/",
            "/admin/articles/topic/",
            "/admin/mail/suppression/",
        ):
            for action in ("delete_selected", "nonsense", "9" * 5000):
                data = {
                    "action": action,
                    "_selected_action": [other.pk, "x", "9" * 30],
                    "post": "yes",
                }
                assert post(client, address, data) in {200, 302, 403}
    assert Article.objects.filter(pk=other.pk).exists()


# --- 3. the way back ------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\n//evil.example",
    "http://evil.example",
    "HTTPS:evil.example",
    "http:///evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "//testserver\\@evil.example",
    "/%09/evil.example",
    "http://testserver:80@evil.example",
    "////evil.example//..",
    "evil.example",
    "@evil.example",
]
PASSWORD = "Correct-Horse-9"


def stays_here(to: str) -> bool:
    """Whether a redirect leads to this site, read as strictly as the oddest browser would."""
    if to.startswith("//") or set(to) & set("\t\r\n\\ "):
        return False
    return urljoin("http://testserver/accounts/", to).startswith("http://testserver/")


DECLARED = {"is_healthcare_professional": "on", "statement": "1"}
WAYS_BACK = {
    "gate": DECLARED,
    "account_login": {"password": PASSWORD},
    "account_logout": {},
    "account_signup": {},
    "account_reauthenticate": {"password": PASSWORD},
    "account_change_password": {"oldpassword": PASSWORD, "password1": "x", "password2": "x"},
    "account_reset_password": {},
    "account_email": {},
    "admin:login": {"password": PASSWORD},
    "admin:logout": {},
    "forget_attestation": {},
}


@pytest.mark.parametrize("is_signed_in", [False, True], ids=["visitor", "signed in"])
@pytest.mark.parametrize("name", WAYS_BACK)
def test_no_way_back_leads_elsewhere(world, name, is_signed_in):
    user = world.editor
    user.set_password(PASSWORD)
    user.save()
    followed = 0
    for to in ELSEWHERE:
        client = world.signed_in(user) if is_signed_in else Client()
        query = {"next": to}
        data = {**WAYS_BACK[name], "login": user.email, "next": to, "redirect_to": to}
        answers = [client.get(reverse(name), query), client.post(reverse(name, query=query), data)]
        for answer in answers:
            assert answer.status_code in {200, 302, 403, 405, 429}
            if answer.status_code == 302:
                followed += 1
                assert stays_here(answer["Location"]), to
            else:
                html = answer.content.decode()
                for link in ('href="', 'action="', 'value="javascript:', 'value="data:'):
                    assert f"{link}{to}" not in html
    # The views that lead on have led on.
    if name == "gate":
        assert followed == len(ELSEWHERE)
