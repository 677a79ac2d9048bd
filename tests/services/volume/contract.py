"""What every sink promises, whatever its volume is made of; and what the suite needs to open each of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from services import settings
from services.volume import SINKS, Volume, VolumeError, open_volume

from .modal.standin import BLOCK, served

Prepared = Callable[[Path, pytest.MonkeyPatch], AbstractAsyncContextManager[object]]
"""Makes the place that a sink writes to, for the time of one test."""


@asynccontextmanager
async def _nothing(_: Path, __: pytest.MonkeyPatch) -> AsyncIterator[None]:
    yield


def _modal(version: int) -> Prepared:
    return lambda directory, monkeypatch: served(directory / "modal", version, monkeypatch)


SETUPS: dict[str, dict[str, Prepared]] = {
    "local": {"local": _nothing},
    "modal": {"modal-v1": _modal(1), "modal-v2": _modal(2)},
}
"""The places on which each sink of the registry is tested, by its name and theirs."""

CASES = [
    pytest.param((sink, name), id=name) for sink in SINKS for name in SETUPS.get(sink, {"without set-up": _nothing})
]


@asynccontextmanager
async def opened(sink: str, case: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Volume]:
    """The volume of a sink, empty."""
    if sink not in SETUPS:
        pytest.fail(f"the sink {sink!r} has no set-up: tell in {__name__}.SETUPS what its volume needs in a test")
    async with SETUPS[sink][case](directory, monkeypatch):
        volume = open_volume(settings.load({"data_dir": directory / "data"}, {"ROOFLOG_SINK": sink}))
        yield volume
        await volume.close()


class VolumeContract:
    """The suite; a subclass says with a fixture `volume` what it is played on."""

    @pytest.fixture
    def new(self, tmp_path: Path) -> Path:
        path = tmp_path / "new.jsonl"
        path.write_text("new\n")
        return path

    @pytest.fixture
    def newer(self, tmp_path: Path) -> Path:
        path = tmp_path / "newer.jsonl"
        path.write_text("newer\n")
        return path

    async def test_files_come_back_as_they_were(self, volume: Volume, new: Path, tmp_path: Path) -> None:
        large, empty = tmp_path / "large", tmp_path / "empty"
        large.write_bytes(os.urandom(BLOCK + 1024) + b"\0" * 5000)
        empty.touch()
        files = {"latest.json": new, "exports/a/README.md": empty, "exports/a/data/train Größe.parquet": large}
        await volume.write(files)
        assert await volume.listing() == {path: files[path].stat().st_size for path in sorted(files)}
        assert list(await volume.listing()) == sorted(files)
        for path, source in files.items():
            assert await volume.read(path) == source.read_bytes()

    async def test_progress_is_told_in_bytes_up_to_all(self, volume: Volume, new: Path, newer: Path) -> None:
        told: list[tuple[int, int]] = []
        await volume.write({"a": new, "b": newer}, report=lambda done, total: told.append((done, total)))
        assert told == sorted(told)
        assert {total for _, total in told} == {10}
        assert told[-1] == (10, 10)

    async def test_a_listing_is_of_a_directory(self, volume: Volume, new: Path) -> None:
        await volume.write({"exports/a/x": new, "exports/ab/x": new, "latest.json": new})
        assert await volume.listing("exports/a") == {"exports/a/x": 4}
        assert await volume.listing("exports") == {"exports/a/x": 4, "exports/ab/x": 4}

    async def test_an_empty_volume_has_nothing(self, volume: Volume) -> None:
        assert await volume.listing() == {}
        assert await volume.listing("exports") == {}
        assert await volume.read("latest.json") is None
        await volume.remove("latest.json")
        await volume.remove("exports/a", recursive=True)
        await volume.tidy()

    async def test_writing_replaces_what_is_there(self, volume: Volume, new: Path, newer: Path) -> None:
        await volume.write({"latest.json": new, "other": new})
        await volume.write({"latest.json": newer})
        assert await volume.listing() == {"latest.json": 6, "other": 4}
        assert await volume.read("latest.json") == b"newer\n"

    async def test_writing_again_changes_nothing(self, volume: Volume, new: Path) -> None:
        for _ in range(2):
            await volume.write({"latest.json": new})
            assert await volume.listing() == {"latest.json": 4}

    async def test_a_written_file_no_longer_follows_its_source(self, volume: Volume, new: Path) -> None:
        await volume.write({"exports/a/x": new, "latest.json": new})
        new.write_text("later\n")
        assert await volume.read("exports/a/x") == await volume.read("latest.json") == b"new\n"

    async def test_files_that_may_be_moved_arrive(self, volume: Volume, new: Path, newer: Path) -> None:
        await volume.write({"latest.json": newer})
        await volume.write({"exports/a/x": new, "latest.json": newer}, move=True)
        assert await volume.listing() == {"exports/a/x": 4, "latest.json": 6}

    async def test_removing_is_idempotent(self, volume: Volume, new: Path) -> None:
        await volume.write({"exports/a/x": new, "exports/a/data/y": new, "exports/ab/x": new, "latest.json": new})
        for _ in range(2):
            await volume.remove("exports/a", recursive=True)
            await volume.remove("latest.json")
            assert await volume.listing() == {"exports/ab/x": 4}

    async def test_a_missing_source_is_named_and_changes_nothing(
        self, volume: Volume, new: Path, tmp_path: Path
    ) -> None:
        await volume.write({"latest.json": new})
        with pytest.raises(VolumeError, match=r"gone.jsonl.*No such file|No such file.*gone.jsonl") as caught:
            await volume.write({"latest.json": tmp_path / "gone.jsonl"})
        assert not caught.value.retryable
        assert await volume.read("latest.json") == b"new\n"

    async def test_a_directory_in_the_way_stays(self, volume: Volume, new: Path) -> None:
        await volume.write({"latest.json/inside": new})
        with pytest.raises(VolumeError) as caught:
            await volume.write({"latest.json": new})
        assert not caught.value.retryable
        assert await volume.listing() == {"latest.json/inside": 4}

    @pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "exports/../../outside", "a\0b"])
    async def test_no_path_leads_outside(self, volume: Volume, new: Path, path: str) -> None:
        for step in (
            volume.write({path: new}),
            volume.read(path),
            volume.remove(path, recursive=True),
            volume.listing(path),
        ):
            with pytest.raises(VolumeError, match="is no path on a volume") as caught:
                await step
            assert not caught.value.retryable

    async def test_the_root_is_no_file(self, volume: Volume, new: Path) -> None:
        for step in (volume.write({"": new}), volume.read(""), volume.remove("", recursive=True)):
            with pytest.raises(VolumeError, match="is no path on a volume"):
                await step

    async def test_tidying_leaves_files(self, volume: Volume, new: Path) -> None:
        await volume.write({"exports/a/x": new})
        await volume.tidy()
        assert await volume.listing() == {"exports/a/x": 4}

    async def test_it_can_be_closed_twice(self, volume: Volume, new: Path) -> None:
        await volume.write({"latest.json": new})
        await volume.close()
        await volume.close()
