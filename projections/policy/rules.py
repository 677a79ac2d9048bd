"""Rules: the versions of the rules that read texts, of which a policy names one.

They are those for personal data and for near-duplicates. A new version begins where a policy that was adopted before
would judge otherwise: such a policy keeps its own.
"""

from __future__ import annotations

from typing import Literal, get_args

Rules = Literal[1, 2]

FIRST: Rules = 1
"""The rules of every policy that names none, as those of 0.1.0."""

LATEST: Rules = 2

RULES: tuple[Rules, ...] = get_args(Rules)
