"""What the dashboard shows: what happens over time, thin topics, recent corrections, exports, the log's past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.errors import InputError
from events.facts import TrainingSetExported, TrainingTriggered
from projections.policy.policy import default
from projections.queries import dashboard

from ..given import approved, captured, corrected, given, junk, rejected, reopened

DIGEST = "1" * 64
NOW = datetime(2025, 3, 18, 12, tzinfo=UTC)


def exported(seq: int, digest: str = DIGEST, **counts: int) -> TrainingSetExported:
    return TrainingSetExported(
        event_id=f"export{seq}",
        occurred_at=NOW,
        actor="exporter",
        export_digest=digest,
        policy_digest=DIGEST,
        log_digest=DIGEST,
        last_seq=seq,
        counts=counts,
    )


def trained(outcome: Any, digest: str = DIGEST) -> TrainingTriggered:
    return TrainingTriggered(
        event_id=f"training_{outcome}", occurred_at=NOW, actor="exporter", export_digest=digest, outcome=outcome
    )


class TestTimeline:
    def test_each_step_counts_its_facts_up_to_the_newest(self) -> None:
        story = given(
            captured("a", occurred_at=NOW - timedelta(days=2)),
            captured("b", occurred_at=NOW),
            corrected("a", occurred_at=NOW),
            approved("b"),
            rejected("a"),
            reopened("a"),
        )
        told = dashboard.timeline(story.reader, span="days")
        assert told["unit"] == "day"
        assert len(told["steps"]) == 30
        busy = {step["at"][:10]: step for step in told["steps"] if any(n for name, n in step.items() if name != "at")}
        assert list(busy) == [f"{NOW - timedelta(days=2):%Y-%m-%d}", f"{NOW:%Y-%m-%d}"]
        last = busy[f"{NOW:%Y-%m-%d}"]
        assert told["steps"][-1] == last
        assert {name: last[name] for name in ("captures", "corrections", "approved", "rejected")} == {
            "captures": 1,
            "corrections": 1,
            "approved": 1,
            "rejected": 1,
        }

    @pytest.mark.parametrize(
        ("span", "cut"), [("hours", "%Y-%m-%dT%H"), ("days", "%Y-%m-%d"), ("months", "%Y-%m")]
    )  # fmt: skip
    def test_each_span_counts_what_falls_into_its_steps(self, span: dashboard.Span, cut: str) -> None:
        now = datetime.now(UTC)
        ago = [timedelta(seconds=1), timedelta(hours=1), timedelta(hours=5), timedelta(days=3), timedelta(days=40),
               timedelta(days=100), timedelta(days=1_000)]  # fmt: skip
        story = given(*[captured(f"e{n}", occurred_at=now - before) for n, before in enumerate(ago)], approved("e0"))
        steps = dashboard.timeline(story.reader, span=span)["steps"]
        assert len(steps) == dashboard.SPANS[span][1]
        names = [datetime.fromisoformat(step["at"]).strftime(cut) for step in steps]
        assert names == sorted(set(names))
        assert names[-1] == f"{now - ago[0]:{cut}}"
        said = [f"{now - before:{cut}}" for before in ago]
        assert [step["captures"] for step in steps] == [said.count(name) for name in names]

    def test_a_clock_ahead_of_time_does_not_move_the_timeline(self) -> None:
        story = given(captured("a", occurred_at=NOW), captured("b", occurred_at=NOW.replace(year=2090)))
        steps = dashboard.timeline(story.reader, span="months")["steps"]
        assert (len(steps), steps[-1]["captures"]) == (12, 1)

    def test_an_empty_log_has_no_steps_unknown_spans_fail(self) -> None:
        assert dashboard.timeline(given().reader)["steps"] == []
        with pytest.raises(InputError, match="no span 'years'; there are hours, days, months"):
            dashboard.timeline(given().reader, span="years")  # type: ignore[arg-type]


def test_thin_topics_have_fewer_examples_than_the_policy_asks_for() -> None:
    below = default().review.new_topic_below
    many = [captured(f"m{n}", f"Which roof membrane number {n}{n}{n}?", tags=("known",)) for n in range(below)]
    story = given(*many, *[approved(f"m{n}") for n in range(below)], captured("rare", tags=("rare",)))
    topics = dashboard.topics(story.reader.columns.counts, default())
    thin = {row["tag"]: row for row in topics["thinnest"]}
    assert "known" not in thin
    assert thin["rare"] == {"tag": "rare", "total": 1, "in_training": 0, "waiting": 1}
    assert topics["covered"] >= 1
    assert topics["thin"] == len(thin)


def test_the_dashboard_shows_newest_corrections_last_export_and_last_training() -> None:
    story = given(captured("a"), corrected("a"), exported(2, unique=1), trained("started"))
    shown = dashboard.dashboard(story.reader)
    assert [item["kind"] for item in shown["corrections"]] == ["correction"]
    assert shown["last_export"]["counts"] == {"unique": 1}
    assert shown["last_training"]["outcome"] == "started"
    assert shown["training"] == {"at": default().training.at, "goal": default().training.goal}
    assert sum(shown["waiting"].values()) == 1
    assert dashboard.dashboard(given().reader)["last_export"] is None


def test_quarantined_messages_show_how_their_bytes_begin() -> None:
    story = given(junk(data=b"\xff" * 5_000), captured("a"), captured("a"))
    shown = dashboard.quarantined(story.con)
    assert [item["category"] for item in shown["items"]] == ["duplicate_example", "malformed"]
    assert (shown["items"][1]["bytes"], len(shown["items"][1]["data"])) == (5_000, 2_000)
    assert shown["by_category"] == {"duplicate_example": 1, "malformed": 1}
    assert [item["seq"] for item in dashboard.quarantined(story.con, category="malformed")["items"]] == [1]


def test_the_past_is_counted_up_to_a_sequence() -> None:
    story = given(captured("a"), captured("b"), approved("a"), rejected("b"), reopened("b"))
    then = dashboard.counted(story.con, seq=3)["counts"]
    assert (then["captures"], then["approvals"], then["rejections"], then["reopened"]) == (2, 1, 0, 0)
    now = dashboard.counted(story.con, seq=9)["counts"]
    assert (now["captures"], now["approvals"], now["rejections"], now["reopened"]) == (2, 1, 1, 1)
