"""Text size: how much of one text is read. What lies on the log may be longer than what is let in today."""

from __future__ import annotations

from events.limits import LIMITS

READ = LIMITS["text"].most
"""Characters of a text that are read: no text within its limit is longer, as each character has a byte at least.

Of a longer one the start is read, and the verdict says `too_long`.
"""
