"""The wheel in an environment with nothing else: it says facts, is typed, and brings no module of a common name."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import address

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "events" / "pyproject.toml").read_text("utf-8"))["project"]["version"]

USE = """
import sys
from rooflog import Rooflog
with Rooflog(sys.argv[1], outbox=sys.argv[2]) as client:
    example_id = client.capture("Minimum slope for TPO?", "1/4 inch per foot.")
    assert client.feedback(example_id, "negative").request_correction
    assert client.flush(30), client.stats()
print(example_id)
"""

TYPED = """
from rooflog import Rooflog
from rooflog.legacy import TrainingDataCollector
reveal_type(Rooflog().capture("p", "r"))
Rooflog().capture(1, "r")
"""


def run(*command: str | Path, cwd: Path = ROOT, code: int = 0) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make client` builds."""
    directory = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--disable-pip-version-check", "--no-build-isolation", "--no-deps", "--wheel-dir"]
    run(sys.executable, "-m", "pip", "wheel", *options, directory, "./events")
    (built,) = directory.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that has the wheel and its two dependencies, taken from this one: no network needed."""
    directory = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    python = directory / "bin" / "python"
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--no-deps", wheel)
    (site,) = directory.glob("lib/python*/site-packages")
    for name in ("msgspec", "nats-py"):
        for file in files(name) or []:
            if not str(file).startswith("..") and "__pycache__" not in str(file):
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), site / file)
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "check")
    return python


def test_the_wheel_holds_one_package_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(name).decode() for name in names if name.endswith("METADATA")]
    assert {name.split("/")[0] for name in names} == {"rooflog", f"rooflog_client-{VERSION}.dist-info"}
    assert {"rooflog/py.typed", "rooflog/LICENSE", "rooflog/client/client.py"} <= set(names)
    needs = [line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [need for need in needs if "extra ==" not in need] == ["msgspec>=0.22", "nats-py>=2.16"]
    modules = {f"rooflog/{path.relative_to(ROOT / 'events')}" for path in (ROOT / "events").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


async def test_facts_are_said_from_a_clean_environment(
    environment: Path, server: EmbeddedServer, log: Log, tmp_path: Path
) -> None:
    url = address(server, "client")
    told = await asyncio.to_thread(run, environment, "-c", USE, url, tmp_path / "outbox", cwd=tmp_path)
    assert [message.parts.kind for message in await log.history(told.strip())] == ["example.captured", "feedback.given"]


@pytest.mark.parametrize("name", ["events", "projections", "services", "tests", "duckdb"])
def test_nothing_else_can_be_imported_there(environment: Path, tmp_path: Path, name: str) -> None:
    assert "ModuleNotFoundError" in run(environment, "-c", f"import {name}", cwd=tmp_path, code=1)


def test_type_checkers_know_the_client(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(TYPED)
    command: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--python-executable", environment, "use.py"]
    told = run(*command, cwd=tmp_path, code=1)
    assert 'Revealed type is "str"' in told or "builtins.str" in told
    assert 'Argument 1 to "capture" of "Rooflog" has incompatible type "int"' in told
    assert "Found 1 error" in told
