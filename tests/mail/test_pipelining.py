"""Commands that are sent at once: fewer round trips, and no answer taken for another's."""

import socket
import threading

import pytest

from portal.mail.relay import SmtpRelay, Verdict

MESSAGE = b"Subject: Hello\r\n\r\nHello\r\n"


class ScriptedServer:
    """Says what it is told to after each of our turns; ``turns`` are what we sent."""

    def __init__(self, answers):
        self.answers, self.turns = answers, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        session, _address = self.listener.accept()
        session.settimeout(5)
        with session:
            session.sendall(b"220 here\r\n")
            session.recv(65536)
            session.sendall(b"250-here\r\n250 PIPELINING\r\n")
            for answer in self.answers:
                self.turns.append(session.recv(65536))
                session.sendall(answer)

    def stop(self):
        self.thread.join(10)
        self.listener.close()


def send(settings, *answers):
    """Send one message to a server that gives ``answers``; return ours and what it was sent."""
    server = ScriptedServer(answers)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_TIMEOUT = 5
    with SmtpRelay() as relay:
        answer = relay.send(sender="a@site.example", recipient="b@site.example", content=MESSAGE)
    server.stop()
    return answer, server.turns


COMMANDS = b"MAIL FROM:<a@site.example>\r\nRCPT TO:<b@site.example>\r\nDATA\r\n"


def test_a_message_takes_two_turns(settings):
    answer, turns = send(settings, b"250 ok\r\n250 ok\r\n354 go on\r\n", b"250 taken\r\n")
    assert answer.verdict is Verdict.ACCEPTED
    assert turns == [COMMANDS, MESSAGE + b".\r\n"]


def test_no_message_goes_to_a_server_that_waits_for_one_to_nobody(settings):
    answer, turns = send(
        settings,
        b"250 ok\r\n550 5.1.1 no such user\r\n354 go on\r\n",
        b"554 5.5.1 no valid recipients\r\n",
        b"250 reset\r\n",
    )
    assert (answer.verdict, answer.code, answer.is_hard_bounce) == (Verdict.REFUSED, 550, True)
    assert turns == [COMMANDS, b".\r\n", b"rset\r\n"]


@pytest.mark.parametrize(
    ("answers", "verdict", "code"),
    [
        (b"550 not you\r\n503 MAIL first\r\n503 MAIL first\r\n", Verdict.DEFERRED, 550),
        (b"250 ok\r\n450 later\r\n503 RCPT first\r\n", Verdict.DEFERRED, 450),
        (b"250 ok\r\n250 ok\r\n554 no\r\n", Verdict.REFUSED, 554),
        (b"250 ok\r\n250 ok\r\n250 what\r\n", Verdict.DEFERRED, 250),
        # It closes after these.
        (b"421 closing\r\n", Verdict.DEFERRED, 421),
        (b"250 ok\r\n550 5.1.1 no such user\r\n", Verdict.REFUSED, 550),
        (b"250 ok\r\n250 ok\r\n", Verdict.DEFERRED, None),
        (b"", Verdict.DEFERRED, None),
    ],
)
def test_each_answer_belongs_to_its_command(settings, answers, verdict, code):
    answer, turns = send(settings, answers)
    assert (answer.verdict, answer.code) == (verdict, code)
    # Not one byte of the message was sent.
    assert turns == [COMMANDS]
