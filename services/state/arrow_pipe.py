"""A pipe between two processes of one machine that sends Arrow tables without copying their buffers."""

from __future__ import annotations

import pickle
import socket
import struct
from contextlib import suppress
from typing import Any

ALIGNED = 64
"""Bytes at a multiple of which a part begins, as Arrow wants its buffers."""


class ArrowPipe:
    """One end of a connection between two processes; it sends values whose large parts are Arrow buffers."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._memory: list[bytearray] = []

    def send(self, value: object) -> None:
        """Send a value; Arrow buffers are not copied. Raises EOFError where the other end is closed."""
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
        sizes = [len(part) for part in parts]
        try:
            self._end.sendall(struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes))
            for part in parts:
                self._end.sendall(part)
                self._end.sendall(bytes(-len(part) % ALIGNED))
        except ConnectionError:
            raise EOFError from None

    def receive(self) -> Any:
        """The next value. Raises EOFError where the other end is closed."""
        (count,) = struct.unpack("<I", self._fill(memoryview(bytearray(4))))
        sizes = struct.unpack(f"<{count}Q", self._fill(memoryview(bytearray(8 * count))))
        whole = self._fill(self._space(sum(size + -size % ALIGNED for size in sizes)))
        parts, at = [], 0
        for size in sizes:
            parts.append(whole[at : at + size])
            at += size + -size % ALIGNED
        return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 -- of a process of our own, over a socket that nobody else has

    def _space(self, size: int) -> memoryview:
        """Memory without readers, for the next value: to get new memory takes as long as DuckDB takes to read it."""
        for memory in self._memory:
            with suppress(BufferError):
                memory.append(0)  # raises while a buffer still points into it
                memory.pop()
                if len(memory) >= size:
                    return memoryview(memory)[:size]
        self._memory = [*self._memory[-2:], bytearray(size + size // 4)]
        return memoryview(self._memory[-1])[:size]

    def _fill(self, view: memoryview) -> memoryview:
        at = 0
        while at < len(view):
            try:
                got = self._end.recv_into(view[at:])
            except ConnectionError:
                got = 0
            if not got:
                raise EOFError
            at += got
        return view
