"""The registry of checks: what is sound says so, and every check finds the trouble that a test has made."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from services.doctor.checks import CHECKS

from .. import doctor
from ..conftest import Cli
from ..forked import Forked
from ..web.conftest import until
from .conftest import BROKEN, troubles

Start = Callable[..., Forked]


def test_every_check_has_a_test_that_breaks_it() -> None:
    for module in pkgutil.iter_modules(doctor.__path__):
        importlib.import_module(f"{doctor.__name__}.{module.name}")
    assert {check.name for check in CHECKS} == BROKEN


def test_what_does_not_run_is_sound(sound: Cli) -> None:
    assert sound.run("doctor").stdout.startswith("sound: ")
    assert troubles(sound) == []


def test_what_runs_is_sound(cli: Cli, start: Callable[..., Forked]) -> None:
    start("up")
    until(lambda: (cli.json("status")["exporter"] or {}).get("state") == "idle")
    assert troubles(cli) == []


def test_looking_changes_nothing(sound: Cli) -> None:
    def content() -> dict[str, bytes]:
        kept = [sound.data_dir / "rooflog.duckdb", *(sound.data_dir / "nats" / "store").rglob("*.blk")]
        return {str(path): path.read_bytes() for path in kept}

    before = content()
    sound.run("doctor")
    assert content() == before


def test_everything_else_is_told_while_the_log_is_away(sound: Cli) -> None:
    sound.environment |= {"ROOFLOG_NATS_URL": "nats://127.0.0.1:1", "ROOFLOG_WEB_HOST": "0.0.0.0"}  # noqa: S104
    answer = sound.json("doctor", code=1)
    assert [trouble["check"] for trouble in answer["troubles"]] == ["server", "gateway"]
    assert answer["skipped"] == [check.name for check in CHECKS if check.needs in ("server", "log")]
    assert "not looked at: rights" in sound.run("doctor", code=1).stdout
