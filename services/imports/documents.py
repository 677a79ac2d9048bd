"""Documents of JSON: the values of one array, or values one behind another, however they are printed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:(")|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A bracket or a string, with a group where the string ends."""

_PIECE = 2**20
_BETWEEN = b" \t\r\n,"


class Value(Struct, frozen=True):
    """A value with the line that it begins on; `data` is None where it is longer than was asked for."""

    line: int
    data: bytes | None
    is_cut: bool = False


def values(file: io.BufferedReader[Any], longest: int) -> Iterator[Value]:
    """Every value, by its brackets alone, so that one that is broken otherwise harms no other.

    In memory is a value at a time, and of one that is longer than `longest` bytes nothing.
    """
    scan = _Scan(longest)
    while piece := file.read(_PIECE):
        yield from scan.feed(piece)
    yield from scan.end()


class _Scan:
    """What was read and is no whole value yet; `_depth` counts the brackets of a value, without those of the array."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._held = bytearray()
        self._begin = self._scanned = self._counted = self._depth = 0
        self._line = 1
        self._in_array = False
        self._long: int | None = None
        """The line that a value begins on of which too much was read to hold it."""

    def feed(self, piece: bytes) -> Iterator[Value]:
        """The values that a piece completes."""
        self._held += piece
        for token in _TOKEN.finditer(self._held, self._scanned):
            mark = token[0][:1]
            if mark == b'"':
                if token[1] is None:
                    self._scanned = token.start()
                    break
            elif mark in (b"[", b"{"):
                if not self._depth:
                    yield from self._taken(token.start())
                    if mark == b"[" and not self._in_array:
                        self._in_array, self._begin = True, token.end()
                        continue
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    yield from self._taken(token.end())
            elif mark == b"]" and self._in_array:
                yield from self._taken(token.start())
                self._in_array, self._begin = False, token.end()
        else:
            self._scanned = len(self._held)
        self._drop(self._begin)
        if len(self._held) > self._longest:
            self._shorten()

    def end(self) -> Iterator[Value]:
        """The value that the file ends in, and the array where it does not end."""
        for value in self._taken(len(self._held)):
            yield Value(value.line, value.data, is_cut=True)
        if self._in_array:
            yield Value(self._line, b"[", is_cut=True)

    def _taken(self, end: int) -> Iterator[Value]:
        """What was held until here, if it is anything."""
        data = bytes(self._held[self._begin : end]).strip(_BETWEEN)
        if self._long is not None:
            yield Value(self._long, None)
        elif data:
            line = self._line_of(self._held.index(data[:1], self._begin))
            yield Value(line, data if len(data) <= self._longest else None)
        self._begin, self._long = end, None

    def _line_of(self, place: int) -> int:
        self._line += self._held.count(b"\n", self._counted, place)
        self._counted = place
        return self._line

    def _drop(self, size: int) -> None:
        self._line_of(size)
        del self._held[:size]
        self._scanned -= size
        self._begin = self._counted = 0

    def _shorten(self) -> None:
        """Forget a value that is too long, but for what says whether its string goes on."""
        if self._long is None and self._held.strip(_BETWEEN):
            self._long = self._line_of(len(self._held) - len(self._held.lstrip(_BETWEEN)))
        rest = b""
        if self._scanned < len(self._held):
            escapes = len(self._held) - len(self._held.rstrip(b"\\"))
            rest = b'"' + b"\\" * (escapes % 2)
        self._drop(len(self._held))
        self._held += rest
        self._scanned = 0
