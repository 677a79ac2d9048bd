"""A run of the benchmarks: what it shows, records and compares, how it ends, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.deadlines import FAR_SECONDS
from tests.services.web.conftest import until

from . import trees
from .__main__ import INTERRUPTED, main
from .processes import users_of
from .registry import RELEASED, Figure, Side, Stage
from .report import change
from .run import Result, Values
from .trees import ROOT

ANALYSIS = Stage(
    "texts", "analysis", Side("texts:analysing"), Side("texts:counting"), (Figure("analysis", "/s", "substrings"),), 2
)
CLIENT = Stage(
    "client",
    "captures",
    Side("clients:ours"),
    Side("clients:others"),
    (Figure("delivered", "/s", "nats-py", limit=0),),
    1,
)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run has its temporary directories."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return scratch


def limited(stage: Stage, limit: float) -> Stage:
    (figure,) = stage.figures
    return Stage(
        stage.name,
        stage.measures,
        stage.ours,
        stage.baseline,
        (Figure(figure.name, figure.unit, figure.baseline, limit),),
        stage.rounds,
    )


def test_a_run_shows_records_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "LAST.json"
    arguments = ["--count", "50", "--record", str(record)]
    assert main(arguments, [ANALYSIS]) == 0
    assert "substrings" in capsys.readouterr().out
    kept = json.loads(record.read_text())["50"]["texts.analysis"]
    assert len(kept["ratios"]) == len(kept["ours"]["rounds"]) == len(kept["baseline"]["rounds"]) == 2
    assert min(kept["ours"]["peak"], kept["baseline"]["peak"], *kept["ours"]["rounds"]) > 0
    kept["ratios"], kept["ratio"] = [1e9, 2e9], 1.5e9
    record.write_text(json.dumps({"50": {"texts.analysis": kept}, "70": {"other": {}}}))
    main(arguments, [ANALYSIS])
    assert "worse (1.5e+09)" in capsys.readouterr().out
    assert json.loads(record.read_text())["70"] == {"other": {}}


@pytest.mark.parametrize(("limit", "code"), [(1e-9, 0), (1e9, 1)])
def test_a_limit_that_is_exceeded_fails_the_run(tmp_path: Path, limit: float, code: int) -> None:
    arguments = ["--count", "20", "--record", str(tmp_path / "LAST.json"), "--rounds", "1"]
    assert main(arguments, [limited(ANALYSIS, limit)]) == code


def test_a_figure_that_fails_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Stage(
        "broken", "nothing", Side("texts:nowhere"), Side("texts:counting"), (Figure("analysis", "/s", ""),), 1
    )
    record = tmp_path / "LAST.json"
    assert main(["--count", "20", "--record", str(record)], [broken, ANALYSIS]) == 1
    assert "has no attribute 'nowhere'" in capsys.readouterr().out
    kept = json.loads(record.read_text())["20"]
    assert (kept["broken.analysis"]["failed"], kept["texts.analysis"]["failed"]) == (True, False)


def test_without_a_history_the_figure_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "COMMIT", "0" * 40)
    stage = Stage("t", "analysis", Side("texts:analysing"), Side("texts:counting", RELEASED), ANALYSIS.figures, 1)
    assert main(["--count", "20", "--record", str(tmp_path / "LAST.json")], [stage]) == 0
    assert "no 0.1.0 here" in capsys.readouterr().out


def test_only_what_was_asked_for_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--count", "20", "--record", str(tmp_path / "LAST.json"), "--only"]
    assert main([*arguments, "texts.analysis"], [ANALYSIS, CLIENT]) == 0
    assert "client" not in capsys.readouterr().out
    assert main([*arguments, "texts.nowhere"], [ANALYSIS, CLIENT]) == 2


def test_nothing_is_left_of_a_run(tmp_path: Path, scratch: Path) -> None:
    main(["--count", "50", "--record", str(tmp_path / "LAST.json")], [CLIENT])
    assert (list(users_of(scratch)), list(scratch.iterdir())) == ([], [])


def test_nothing_is_left_after_an_interruption(tmp_path: Path, scratch: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "client", "--record", str(tmp_path / "LAST.json")]
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        until(lambda: any(b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in users_of(scratch)))
        process.send_signal(signal.SIGINT)
        assert process.wait(FAR_SECONDS) == INTERRUPTED
    assert (list(users_of(scratch)), list(scratch.iterdir())) == ([], [])


@pytest.mark.parametrize(
    ("unit", "rounds", "word"),
    [
        ("ms", (3.0, 4.0), "worse (2)"),
        ("ms", (0.5, 0.9), "better (2)"),
        ("ms", (0.9, 3.0), "same"),
        ("/s", (3.0, 4.0), "better (2)"),
        ("/s", (0.5, 0.9), "worse (2)"),
    ],
)
def test_a_change_is_told_beyond_the_spread(unit: str, rounds: tuple[float, ...], word: str) -> None:
    result = Result("a.b", Figure("b", unit, ""), Values(rounds), Values((1.0, 1.0)))
    assert change(result, {"ratios": [1.0, 2.0], "ratio": 2.0}) == word
