"""Reading long stretches of the log: a connection of its own, an ephemeral consumer, and a parser for many messages.

nats-py parses and hands over each message by itself, which takes 16 µs of this process. A batched direct get takes
12 µs of the server, a consumer 5. For a few messages a direct get is faster: it needs no connection and no consumer.
"""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

from .. import subjects
from ..errors import InputError, RooflogError
from ..message import Message
from .connection import Connection

TIMEOUT_SECONDS = 10.0

FORGOTTEN_SECONDS = 60.0
"""How long the server keeps the consumer of a reader that was killed, or that takes long with what it has."""

REQUEST_BYTES = 8 * 2**20
"""What one request should bring: the server disconnects whoever lets much more than that pile up."""

READ_BYTES = 2**26
"""What is read at a time at most: large documents must not fill the memory of whoever asks for many messages."""

_RECEIVE_BYTES = 2**18
_ENDS = (b" 404 ", b" 408 ", b" 409 Message Size Exceeds MaxBytes")
"""What ends an answer early: there are no more messages, or the next one would be too much."""

_INBOX_ID, _ANSWER_ID = b"1", b"2"


class BulkError(RooflogError):
    """The stretch cannot be read in this way; the message says why."""


class Bulk:
    """One reader, from one sequence on. It blocks: use it in a thread, one call at a time."""

    def __init__(self, connection: Connection, after: int) -> None:
        """Connect to the same server as `connection` did, as the same user. Raises BulkError where that cannot be."""
        url = connection.client.connected_url
        if url is None:
            raise BulkError("there is no server to read from")
        self._access = connection.access
        self._api = connection.api
        self._inbox = connection.client.new_inbox().encode()
        self._buffer = b""
        self._average = 2**12
        try:
            self._socket = socket.create_connection((url.hostname, url.port or 4222), TIMEOUT_SECONDS)
        except OSError as error:
            raise BulkError(f"the server cannot be reached: {error}") from error
        try:
            self._greet(str(url.hostname))
            self._consumer = self._create(after)
        except (InputError, ImportError) as error:
            self._socket.close()
            raise BulkError(str(error)) from error
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Let the server forget the consumer, and hang up."""
        try:
            self._publish(f"{self._api}.CONSUMER.DELETE.{subjects.STREAM}.{self._consumer}", b"", b"")
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread of a read that was given up
        except OSError:
            pass  # it forgets by itself
        finally:
            self._socket.close()

    def read(self, count: int) -> list[Message]:
        """The next messages that the log holds, `count` or READ_BYTES of them, none at its end. Raises BulkError."""
        messages: list[Message] = []
        read = 0
        try:
            while len(messages) < count and read < READ_BYTES:
                wanted = max(1, min(count - len(messages), REQUEST_BYTES // self._average))
                had = len(messages)
                request = json.dumps({"batch": wanted, "no_wait": True, "max_bytes": READ_BYTES}).encode()
                self._publish(f"{self._api}.CONSUMER.MSG.NEXT.{subjects.STREAM}.{self._consumer}", self._inbox, request)
                size = self._collect(messages, wanted)
                if len(messages) == had:
                    break
                self._average = max(1, size // (len(messages) - had))
                read += size
        except (OSError, ValueError, IndexError) as error:
            raise BulkError(f"reading in bulk broke off: {error or type(error).__name__}") from error
        return messages

    def _greet(self, host: str) -> None:
        line = self._line()
        if not line.startswith(b"INFO "):
            raise BulkError("this is no NATS server")
        info = json.loads(line.removeprefix(b"INFO "))
        context = self._access.tls()
        if info.get("tls_required") or context is not None:
            context = context or ssl.create_default_context()
            try:
                self._socket = context.wrap_socket(self._socket, server_hostname=host)
            except OSError as error:
                raise BulkError(f"the server cannot be reached with TLS: {error}") from error
        connect: dict[str, Any] = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "protocol": 1,
            "lang": "python",
            "version": "rooflog",
            "name": "rooflog-bulk",
        }
        connect |= self._access.login(info.get("nonce"))
        lines = [b"CONNECT " + json.dumps(connect).encode(), b"SUB %b %b" % (self._inbox, _INBOX_ID),
                 b"SUB %b.answer %b" % (self._inbox, _ANSWER_ID), b""]  # fmt: skip
        self._socket.sendall(b"\r\n".join(lines))

    def _create(self, after: int) -> str:
        config = {
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": after + 1,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(FORGOTTEN_SECONDS * 1e9),
        }
        request = json.dumps({"stream_name": subjects.STREAM, "config": config}).encode()
        self._publish(f"{self._api}.CONSUMER.CREATE.{subjects.STREAM}", self._inbox + b".answer", request)
        try:
            while True:
                line = self._line()
                if line.startswith(b"PING"):
                    self._socket.sendall(b"PONG\r\n")
                elif line.startswith((b"MSG ", b"HMSG ")):
                    size = int(line.rsplit(b" ", 1)[1])
                    self._receive(size + 2)
                    answer, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
                    return str(json.loads(answer)["name"])
                elif line.startswith(b"-ERR"):
                    raise BulkError(line.decode(errors="replace"))
        except (OSError, ValueError, LookupError) as error:
            raise BulkError(f"the server makes no consumer: {error or type(error).__name__}") from error

    def _collect(self, messages: list[Message], wanted: int) -> int:
        """Take in the answer to one request, up to its last message or a status; the bytes of its messages."""
        size, end = 0, len(messages) + wanted
        buffer, at = self._buffer, 0
        while True:
            stop = buffer.find(b"\r\n", at)
            words = buffer[at:stop].split(b" ") if stop >= 0 else [b""]
            is_message = words[0] in (b"HMSG", b"MSG")
            start = stop + 2
            after = start + int(words[-1]) + 2 if is_message else start
            if stop < 0 or after > len(buffer):
                self._buffer = buffer[at:]
                self._receive(max(len(self._buffer) + 1, after - at))
                buffer, at = self._buffer, 0
                continue
            at = after
            if not is_message:
                if words[0] == b"PING":
                    self._socket.sendall(b"PONG\r\n")
                elif words[0] == b"-ERR":
                    raise BulkError(b" ".join(words).decode(errors="replace"))
                continue
            body = start + int(words[-2]) if words[0] == b"HMSG" else start
            if words[1].startswith(self._inbox):
                status = buffer[start:body]
                if b" 409 Batch Completed" in status:  # of the request before, all of which has arrived
                    continue
                self._buffer = buffer[at:]
                if not any(end in status for end in _ENDS):
                    raise BulkError(status.decode(errors="replace").strip())
                return size
            tokens = words[3].split(b".")  # ADR-15, with or without a domain
            first = 5 if len(tokens) == 9 else 7
            subject = words[1].decode("utf-8", "surrogateescape")
            messages.append(Message(int(tokens[first]), subject, buffer[body : at - 2], int(tokens[first + 2])))
            size += at - start
            if len(messages) == end:
                self._buffer = buffer[at:]
                return size

    def _publish(self, subject: str, reply: bytes, data: bytes) -> None:
        head = b" ".join(filter(None, (b"PUB", subject.encode(), reply, str(len(data)).encode())))
        self._socket.sendall(b"%b\r\n%b\r\n" % (head, data))

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._receive(len(self._buffer) + 1)
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _receive(self, size: int) -> None:
        """Fill the buffer up to a size at least."""
        parts, had = [self._buffer], len(self._buffer)
        while had < size:
            part = self._socket.recv(_RECEIVE_BYTES)
            if not part:
                raise ConnectionError("the server hung up")
            parts.append(part)
            had += len(part)
        self._buffer = b"".join(parts)
