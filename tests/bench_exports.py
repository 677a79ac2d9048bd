"""The export of a training set of N rows in all formats, in a process of its own: `python -m tests.bench_exports N`.

Tables are filled by SQL, since folding is measured elsewhere: N approved captures, of which every twentieth was
liked, and for every twentieth a correction, with answers of about 650 characters that differ and need
escaping. Prints rows a second and this process's peak memory in MiB.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from events.log.log import Log
from events.subjects import STREAM
from projections.policy.policy import default
from projections.verdicts import counters
from services.exporter.workflow import opened
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import State
from services.state.owner import Owner

PHRASES = (
    "clean and prime the membrane", "extend the flashing 8 in. above the roof", "per the manufacturer''s detail",
    "weld the seam 1-1/2 in. wide", "probe every weld once it is cold", "set the drain bowl in water cutoff mastic",
    "a \"pitch pocket\" is a last resort", "taper the insulation to the sump", "fasten 12 in. on center",
    "terminate under a counterflashing", "slope the cricket 1/2 in. per foot", "keep the curb 8 in. high",
    "reinforce inside corners with a patch", "see section 07 54 23", "submit shop drawings first",
    "remove wet insulation down to the deck", "stagger the joints of the cover board", "do not cut the vapor barrier",
    "wait until the adhesive is tacky", "roll it with a steel roller", "check the pull-out resistance of the deck",
    "the warranty asks for it", "a scupper needs a conductor head", "lap the sheet over the high side",
    "walk pads go around each unit", "edge metal follows ANSI/SPRI ES-1", "the wind zone decides the pattern",
    "use a prefabricated pipe boot", "caulk the termination bar", "photograph it before it is covered",
    "the deck must be dry, < 40 °F is too cold",
)  # fmt: skip
"""What answers are made of, as SQL."""

BETWEEN = (", then ", ". ", "; ", ".\n\n- ", ", and ", " — ", ": ")


def _listed(parts: tuple[str, ...]) -> str:
    quoted = ", ".join(f"'{part}'" for part in parts)
    return f"[{quoted}]"


_ANSWER = f"""list_aggregate(list_transform(list_transform(range(15), lambda k: hash(15 * i + k)), lambda n:
    ({_listed(PHRASES)})[1 + (n % {len(PHRASES)})::INT] || ' (' || n // 7 % 997 || ')'
    || ({_listed(BETWEEN)})[1 + (n // 97 % {len(BETWEEN)})::INT]), 'string_agg', '')"""


def fill(owner: Owner, count: int) -> None:
    """N rows as the projector would leave them, with a decision for each."""
    con = owner.projector.con
    con.execute("SET preserve_insertion_order = true")
    con.execute(
        f"""CREATE TEMP TABLE r AS SELECT i, 2 * i + 1 AS seq, TIMESTAMP '2025-01-01' + to_seconds(i) AS moment,
            i % 20 = 7 AS is_correction, 'train_20250115_143000_' || left(sha256(i::VARCHAR), 16) AS id
            FROM range({count}) t(i)"""
    )
    con.execute(
        f"""INSERT INTO examples BY NAME SELECT seq, id AS event_id, moment AS occurred_at, 'bench' AS actor,
            id AS example_id,
            CASE WHEN is_correction THEN 'correction' ELSE 'capture' END AS kind, 'chat_interaction' AS source,
            'How do we detail the TPO seam at location ' || i || ' of the roof?' AS prompt,
            {_ANSWER} AS response,
            CASE WHEN is_correction THEN 'Just weld it, ' || i END AS original_response,
            md5(i::VARCHAR) AS prompt_key, md5('t' || i) AS text_key, md5('t' || i) AS said_key,
            CASE WHEN is_correction THEN md5('o' || i) END AS original_key,
            true AS include_in_training, false AS was_corrected FROM r ORDER BY seq"""
    )
    con.execute(
        """INSERT INTO decisions BY NAME SELECT seq + 1 AS seq, 'd' || i AS event_id, moment AS occurred_at,
           'reviewer' AS actor, id AS example_id, 'approved' AS decision FROM r ORDER BY seq"""
    )
    con.execute(
        """INSERT INTO verdicts BY NAME SELECT id AS example_id, seq, moment AS occurred_at,
           CASE WHEN is_correction THEN 'correction' ELSE 'capture' END AS kind, 'chat_interaction' AS source,
           ['membrane', 'tpo'] AS tags, 65 AS prompt_chars, 650 AS response_chars,
           seq AS cluster, 'approved' AS decision, seq + 1 AS decision_seq,
           CASE WHEN i % 20 = 3 THEN 'positive' END AS feedback, 'reviewer' AS approval, 0 AS reasons FROM r"""
    )
    counters.recount(con, default().review.new_topic_below)
    con.execute("UPDATE checkpoint SET seq = ?, judged_seq = ?", [2 * count, 2 * count])


async def _ahead(log: Log, seq: int) -> None:
    """Let the log begin at a sequence, as if the facts behind the rows were before it."""
    stream = log.client.jetstream()
    config = (await stream.stream_info(STREAM)).config
    await stream.delete_stream(STREAM)
    await stream.add_stream(config, first_seq=seq)


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name, EmbeddedServer(Path(name)) as server:
        settings = Settings(data_dir=Path(name))
        log = await Log.connect(server.access())
        await _ahead(log, 2 * count + 1)
        owner = Owner(settings.database)
        fill(owner, count)
        owner.close()
        owner = Owner(settings.database)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with opened(settings, log, State(log, owner, None), "bench") as steps:
            began = time.perf_counter()
            answer = await steps.export({}, None)
            seconds = time.perf_counter() - began
        assert answer.get("after_filtering") == count, answer
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{count / seconds:.0f} {peak // 1024} {before // 1024}")
        owner.close()
        await log.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
