"""The one log of `make run`: plain text, and never longer than it may be."""

import io
import re
from pathlib import Path

from portal.core.local.supervisor import Log


def test_the_log_is_plain_text(tmp_path: Path) -> None:
    screen = io.StringIO()
    log = Log(tmp_path / "run.log", screen)
    log.line("web", "\x1b[31mred\x1b[0m\ttab é\r\x1b]0;title\x07 \x9b2J\x7f\nweb forged")
    log.close()
    plain = r"red	tab é\x0d\x1b]0;title\x07 \x9b2J\x7f\x0aweb forged"
    assert screen.getvalue() == f"web     │ {plain}\n"
    (line,) = log.path.read_text().splitlines()
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d web      {re.escape(plain)}", line)


def test_the_log_is_bounded_within_a_run(tmp_path: Path) -> None:
    log = Log(tmp_path / "run.log", io.StringIO(), largest=1000)
    for number in range(100):
        log.line("web", f"line {number} é")
    log.block(["the last"])
    log.close()
    older, newer = (path.read_text() for path in (tmp_path / "run.log.1", log.path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.log", "run.log.1"]
    assert 900 < len(older.encode()) <= 1000
    assert len(newer.encode()) <= 1000
    numbers = [int(found) for found in re.findall(r"line (\d+)", older + newer)]
    assert numbers == list(range(numbers[0], 100))
    assert (older + newer).endswith("\n\nthe last\n\n")
