"""``manage.py export_responses``, as cron and analysts run it: a process of its own."""

import hashlib
import os
import pty
import signal
import subprocess
import sys
import zipfile

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from feedback.models import HiddenComment
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article
from tests.feedback.builders import answer, refresh_tallies, rows_of
from tests.fixtures_mail import ROOT, wait_until, worker_environment

from .holding import other_connection, waiting_for
from .many import many

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def command(settings, staff):
    """Return a function that starts the command with more arguments."""

    def start(*arguments, user=staff.email, stderr=subprocess.PIPE, **options):
        fixed = ["--purpose", "Audit", "--user"]
        return subprocess.Popen(
            [sys.executable, "manage.py", "export_responses", *fixed, user, *map(str, arguments)],
            cwd=ROOT,
            env=worker_environment(settings),
            stdout=subprocess.PIPE,
            stderr=stderr,
            **options,
        )

    return start


def run(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err.decode()


def test_a_zip_appears_whole_and_is_logged(command, tmp_path, staff):
    many(5_000)
    path = tmp_path / "responses.zip"
    path.write_bytes(b"of last month")
    code, out, err = run(command("--output", path))
    assert (code, out) == (0, b"")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        [name] = [name for name in archive.namelist() if name.startswith("responses")]
        assert len(rows_of(archive.read(name))) == 5_000
    assert list(tmp_path.iterdir()) == [path]
    log = ExportLog.objects.get()
    assert (log.user, log.kind, log.purpose, log.row_count) == (staff, "responses", "Audit", 5_000)
    assert log.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    # Nobody watches: a line for each tenth at most, and one at the end.
    lines = err.splitlines()
    assert "100 %" in lines[-2]
    assert lines[-1].startswith("5,000 rows in ")
    assert 2 <= len(lines) <= 11


def test_to_stdout_with_a_selection(command):
    first, second = published_article(), published_article()
    answer(first, [[5, 4, 3, 1]] * 3)
    answer(second, [[4, 4, 4, 4]] * 2)
    refresh_tallies()
    month = f"{first.responses.first().submitted_at:%Y-%m}"
    arguments = ["--article", first.slug, "--month", month, "--data-only", "--format", "excel"]
    code, out, _err = run(command(*arguments))
    assert code == 0
    assert out.startswith(b"\xef\xbb\xbf")
    assert [row["article_slug"] for row in rows_of(out, "utf-8-sig")] == [first.slug] * 3
    log = ExportLog.objects.get()
    assert log.filters == {
        "article": first.pk,
        "month": month,
        "format": "excel",
        "shape": "wide",
        "packed": False,
        "comments": False,
    }
    assert log.sha256 == hashlib.sha256(out).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--article", "no-such-article"], 2, "There is no article 'no-such-article'."),
        (["--topic", "nowhere"], 2, "There is no topic 'nowhere'."),
        (["--author", "nobody"], 2, "There is no author 'nobody'."),
        (["--month", f"{timezone.now():%Y-%m}"], 2, "not one of the available choices"),
        (["--readers", "country:GB"], 2, "Fewer than 10 people"),
        (["--format", "sav"], 2, "invalid choice"),
        (["--with-comments"], 3, "export_comments"),
        (["--output", "/nowhere/at/all.zip"], 1, "could not be written: No such file"),
    ],
    ids=str,
)
def test_what_cannot_be_had_says_why_in_words_and_in_the_exit_code(command, arguments, code, words):
    answer(published_article(), [[5, 4, 3, 1]] * 3, country="GB")
    refresh_tallies()
    actual, out, err = run(command(*arguments))
    assert (actual, out) == (code, b"")
    assert words in err
    assert "Traceback" not in err
    assert ExportLog.objects.filter(kind="responses").count() == 0


@pytest.mark.parametrize("who", ["an editor", "a former member", "nobody"])
def test_only_in_the_name_of_somebody_who_may(command, who):
    email = {
        "an editor": lambda: UserFactory(group="Editors").email,
        "a former member": lambda: UserFactory(group="Staff", is_active=False).email,
        "nobody": lambda: "nobody@example.org",
    }[who]()
    code, out, err = run(command(user=email))
    assert (code, out) == (3, b"")
    assert "permission" in err


@pytest.fixture
def lead(db):
    lead = UserFactory(group="Staff")
    lead.groups.add(Group.objects.get(name="Staff leads"))
    return lead


def test_a_lead_gets_free_text(command, lead):
    code, _out, _err = run(command("--with-comments", user=lead.email))
    assert code == 0
    assert ExportLog.objects.get().filters["comments"] is True


def test_kill_9_leaves_no_file_that_looks_complete(command, tmp_path, lead):
    many(5_000)
    path = tmp_path / "responses.zip"
    path.write_bytes(b"of last month")
    with other_connection() as other:
        # The rows leave out hidden free text; nothing before them asks for that.
        other.execute("LOCK TABLE feedback_hiddencomment IN ACCESS EXCLUSIVE MODE")
        process = command("--with-comments", "--output", path, user=lead.email)
        wait_until(lambda: waiting_for(HiddenComment) == 1, 60, "the lock")
        assert len(list(tmp_path.iterdir())) == 2
        process.kill()
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"of last month"
    for other in set(tmp_path.iterdir()) - {path}:
        assert other.name.startswith(".responses.zip.")
        assert other.name.endswith(".part")


def test_sigterm_leaves_nothing_and_is_logged(command, tmp_path):
    many(5_000)
    # The reader of the pipe is slow: it reads nothing.
    process = command("--output", "-", "--data-only")
    first = process.stdout.read(10)
    process.send_signal(signal.SIGTERM)
    rest, _err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    log = ExportLog.objects.get()
    assert log.kind == "responses (interrupted)"
    assert len(rows_of(first + rest)) <= log.row_count < 5_000


def test_on_a_terminal_one_line_changes(command, tmp_path):
    many(5_000)
    ours, theirs = pty.openpty()
    process = command("--output", tmp_path / "x.zip", stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            if not (read := os.read(ours, 4096)):
                break
        except OSError:  # the other end is closed
            break
        said += read
    os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"\r" in said
    assert b"of 5,000 rows" in said
    assert b"to go" in said
    assert said.rstrip().split(b"\r")[-1].startswith(b"5,000 rows in ")
