"""``python -m benchmarks.mail_sink PORT``: a mail server that takes everything and keeps nothing.

Quick enough not to be what is measured. Offers PIPELINING, as Postfix and its like do.
"""

from __future__ import annotations

import asyncio
import sys

END = b"\r\n.\r\n"
ANSWERS = {
    b"EHLO": b"250-localhost\r\n250 PIPELINING\r\n",
    b"HELO": b"250 localhost\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Session(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type
        self.transport = transport
        self.waiting = b""
        self.is_in_message = False
        transport.write(b"220 localhost\r\n")

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        answers = []
        while answer := self.next_answer():
            answers.append(answer)
        if answers:
            self.transport.write(b"".join(answers))

    def next_answer(self) -> bytes:
        """Return the answer to the next whole command or message, empty while there is none."""
        message_end = END if self.is_in_message else b"\r\n"
        taken, found, rest = self.waiting.partition(message_end)
        if not found:
            return b""
        self.waiting = rest
        if self.is_in_message:
            self.is_in_message = False
            return b"250 taken\r\n"
        command = taken[:4].upper()
        self.is_in_message = command == b"DATA"
        return ANSWERS.get(command, b"250 ok\r\n")


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
