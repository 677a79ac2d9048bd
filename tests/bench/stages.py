"""The registry of all stages; a new figure is an entry here, and a function in `sides`."""

from __future__ import annotations

from importlib.util import find_spec

from .registry import RELEASED, Figure, Side, Stage
from .sides.names import PAGES

BEFORE = "0.1.0, on its own database of the same facts"
TENTH = "rooflog with a tenth of the examples"
OLD_CLASS = "the old class: buffer and unsynced JSONL"
FETCH = "nats-py, pull fetch of 1,000, thrown away"
LIBRARY = "`eventsourcing`: replay from SQLite, nothing judged"
SINGLE = "nats-py, one at a time, a server that syncs"
INSERT = "DuckDB, one insert for each fact, nothing folded"

FOLD = (
    Stage(
        "batch",
        "processor time of one batch beside N examples, in process",
        Side("batches:batches"),
        Side("batches:batches", RELEASED),
        (
            Figure("feedback", "ms", BEFORE, limit=0.1),
            Figure("capture", "ms", BEFORE, limit=0.17),
            Figure("mixed", "ms", BEFORE, limit=0.35),
        ),
        rounds=5,
    ),
    Stage(
        "growth",
        "the same batches beside N and N/10 examples",
        Side("batches:batches"),
        Side("batches:batches", part=10),
        tuple(Figure(name, "ms", TENTH, limit=1.2) for name in ("feedback", "capture", "mixed")),
        rounds=5,
    ),
    Stage(
        "lag",
        "from publishing a fact to an answer that holds it, idle and with so many facts/s: projector as a process",
        Side("live:lag"),
        Side("live:lag", RELEASED),
        (
            Figure("idle.p50", "ms", BEFORE, limit=0.2, goal=40),
            Figure("idle.p99", "ms", BEFORE),
            Figure("100.p50", "ms", BEFORE, limit=0.1, goal=60),
            Figure("100.p99", "ms", BEFORE, limit=0.3, goal=250),
            Figure("500.p50", "ms", BEFORE, limit=0.15, goal=120),
            Figure("500.p99", "ms", BEFORE),
        ),
    ),
    Stage(
        "sustained",
        "facts that are folded in a second while more wait, and the projector's processor time for a fact",
        Side("live:sustained"),
        Side("live:sustained", RELEASED),
        (
            Figure("feedback", "/s", BEFORE),
            Figure("feedback_cpu", "µs", BEFORE),
            Figure("mixed", "/s", BEFORE),
            Figure("mixed_cpu", "µs", BEFORE),
        ),
    ),
    Stage(
        "rebuild",
        "the tables made anew: texts taken over, from the log, compared, and from nothing; reading alone",
        Side("rebuilds:ours"),
        Side("rebuilds:others"),
        (
            Figure("taken_over", "/s", FETCH),
            Figure("taken_over_library", "/s", LIBRARY),
            Figure("from_log", "/s", FETCH),
            Figure("from_log_library", "/s", LIBRARY),
            Figure("verify", "/s", FETCH),
            Figure("cold", "/s", FETCH),
            Figure("read", "/s", FETCH),
        ),
        rounds=2,
    ),
    Stage(
        "policy",
        "another policy adopted that changes two verdicts of five, in process",
        Side("adoptions:adoptions"),
        Side("adoptions:adoptions", RELEASED),
        (Figure("adopt", "s", BEFORE), Figure("adopt_cpu", "s", BEFORE)),
    ),
    Stage(
        "pages",
        "p95 of every page over HTTP while 500 facts/s arrive, of all of them when none does; a fact on the dashboard",
        Side("pages:pages"),
        Side("pages:pages", part=10),
        (
            Figure("all", "ms", TENTH, limit=1.5),
            Figure("all_quiet", "ms", TENTH, limit=1.5),
            Figure("shown", "ms", TENTH),
            *(Figure(page, "ms", TENTH) for page in PAGES),
        ),
        rounds=2,
    ),
)

ENGINES = ("local", "ray") if find_spec("ray") else ("local",)
"""Where heavy work is measured."""

AROUND = (
    Stage(
        "texts",
        "relevance, tags and personal data on one core",
        Side("texts:analysing"),
        Side("texts:counting"),
        (Figure("analysis", "/s", "the old class: 22 substrings, nothing else"),),
    ),
    Stage(
        "near",
        "near-duplicates of N prompts, and processor time of one more prompt",
        Side("texts:clustering"),
        Side("texts:remembering"),
        (
            Figure("all", "s", "a set of normalised prompts: exact duplicates only"),
            Figure("one", "ms", "the same"),
        ),
    ),
    Stage(
        "heavy",
        "analysis by two workers: processor of a worker and of whoever asks for a text, and time; Ray where installed",
        Side("heavy:two"),
        Side("heavy:one"),
        tuple(
            figure
            for engine in ENGINES
            for figure in (
                Figure(f"{engine}.worker", "µs", "one worker", limit=1.05),
                Figure(f"{engine}.asker", "µs", "the same"),
                Figure(f"{engine}.wall", "s", "the same"),
            )
        ),
    ),
    Stage(
        "client",
        "a capture in the client while NATS is up, down and restarting, and from capture to synced log",
        Side("clients:ours"),
        Side("clients:others"),
        (
            *(Figure(f"{state}.{share}", "µs", OLD_CLASS) for state in ("up", "down", "restarting")
              for share in ("p50", "p99")),
            Figure("delivered", "/s", SINGLE),
        ),
    ),
    Stage(
        "facts",
        "facts made, published to a log that syncs, and folded from nothing in batches of 1,000 and 20,000",
        Side("facts:ours"),
        Side("facts:others"),
        (
            Figure("made", "µs", OLD_CLASS),
            Figure("published", "/s", SINGLE),
            Figure("folded_small", "/s", INSERT),
            Figure("folded_large", "/s", INSERT),
        ),
    ),
    Stage(
        "conversations",
        "folding turns of conversations of 200, from nothing in batches of 500, and their bytes on the log",
        Side("conversations:whole"),
        Side("conversations:apart"),
        (
            Figure("folding", "µs", "the same questions and answers as examples of their own", limit=1.5),
            Figure("bytes", "B", "the same", limit=1.2),
        ),
    ),
    Stage(
        "export",
        "rows of an export of N examples in all formats",
        Side("transfers:exporting"),
        Side("transfers:scripts"),
        (Figure("export", "/s", "plain Python: read JSONL, filter, exact duplicates, one format"),),
        rounds=2,
    ),
    Stage(
        "import",
        "lines of the old store that become facts on a log that syncs",
        Side("transfers:importing"),
        Side("transfers:scripts"),
        (Figure("import", "/s", "plain Python: lines read and appended to another file, unsynced"),),
    ),
    Stage(
        "shapes",
        "processor time to fold one text of 1 MB of the shape that is slowest at 100 kB, and of the six slowest",
        Side("shapes:large"),
        Side("shapes:small"),
        (
            Figure("slowest", "s", "ten times that of 100 kB: no more means that time grows with size", limit=2),
            Figure("slow", "s", "the same", limit=1.5),
        ),
        rounds=1,
    ),
)  # fmt: skip

STAGES = (*FOLD, *AROUND)
