"""The tables of facts in the order of a fold: a new table is a module of this folder, and a line here."""

from __future__ import annotations

from ..store.projection import Projection
from .decisions import DECISIONS
from .descriptions import DESCRIPTIONS
from .digest_chain import CHAIN
from .erasures import ERASURES, UNERASED_MESSAGES
from .examples import EXAMPLES
from .exports import EXPORTS, TRAININGS
from .feedback import FEEDBACK
from .notes import NOTES
from .policies import POLICIES
from .quarantine import QUARANTINE
from .redactions import REDACTIONS
from .restatements import COPIES, RESTATEMENTS

FACT_TABLES: tuple[Projection, ...] = (
    EXAMPLES,
    RESTATEMENTS,
    COPIES,
    FEEDBACK,
    DECISIONS,
    DESCRIPTIONS,
    NOTES,
    REDACTIONS,
    POLICIES,
    EXPORTS,
    TRAININGS,
    QUARANTINE,
    ERASURES,
    UNERASED_MESSAGES,
    CHAIN,
)
"""Redactions come after every comment that they replace. Unerased messages come after every table with texts or
comments: what a batch brings to those is taken out there."""

ABOUT_EXAMPLES = tuple(table for table in FACT_TABLES if "example_id" in table.columns and table is not EXAMPLES)
"""The tables of facts about an example, which may reach the log before it."""

COMMENTED = tuple(table for table in ABOUT_EXAMPLES if table not in (REDACTIONS, ERASURES))
"""Of those, the tables whose rows hold no text of an example, but may quote one."""
