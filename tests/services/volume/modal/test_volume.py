"""Modal's real client on a volume of either version, against a local stand-in whose every step can fail."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from services import settings
from services.volume import Volume, VolumeError, open_volume
from services.volume.modal import volume as module
from tests.deadlines import FAR_SECONDS

from .standin import BLOCK, VOLUME, StandIn

ROOT = "training_conversations.jsonl"

LIST = {1: "VolumeListFiles", 2: "VolumeListFiles2"}
PUT = {1: "VolumePutFiles", 2: "VolumePutFiles2"}
REMOVE = {1: "VolumeRemoveFile", 2: "VolumeRemoveFile2"}
SEND = {1: "BlobPut", 2: "BlockPut"}


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
async def volume(standin: StandIn) -> AsyncIterator[Volume]:
    volume = open_volume(settings.load({}, {"ROOFLOG_SINK": "modal"}))
    yield volume
    standin.mend()
    await volume.close()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonl"
    path.write_text("new\n")
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than the 4 MiB from which v1 sends a blob, and more than one of v2's 8 MiB blocks, the last one sparse."""
    path = tmp_path / "large.parquet"
    path.write_bytes(os.urandom(BLOCK + 1024) + b"\0" * 5000)
    return path


async def test_content_that_modal_has_is_not_sent_again(
    volume: Volume, standin: StandIn, version: int, large: Path
) -> None:
    await volume.write({"exports/a/sft.jsonl": large})
    sent = standin.steps.count(SEND[version])
    await volume.write({ROOT: large})
    assert standin.steps.count(SEND[version]) == sent


async def test_many_files_go_in_batches(
    volume: Volume, standin: StandIn, version: int, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 8)
    progress: list[tuple[int, int]] = []
    await volume.write({f"{i}": small for i in range(5)}, report=lambda *moved: progress.append(moved))
    assert progress == [(8, 20), (16, 20), (20, 20)]
    assert len(standin.files()) == 5


async def test_a_large_upload_has_longer(volume: Volume, standin: StandIn, small: Path, large: Path) -> None:
    await volume.write({ROOT: small})
    seconds = max(standin.deadlines)
    standin.deadlines.clear()
    await volume.write({ROOT: large})
    assert max(standin.deadlines) - seconds == pytest.approx((large.stat().st_size - 4) / module.SLOWEST)


@pytest.mark.parametrize(
    ("version", "step", "kind"),
    [
        (1, "VolumeGetOrCreate", "hang"),
        (1, "MountPutFile", "hang"),
        (1, "MountPutFile", "cut"),
        (1, "MountPutFile", "wrong"),
        (1, "BlobCreate", "hang"),
        (1, "BlobPut", "hang"),
        (1, "BlobPut", "cut"),
        (1, "BlobPut", "wrong"),
        (1, "BlobPut", "status"),
        (1, "VolumePutFiles", "hang"),
        (1, "VolumePutFiles", "cut"),
        (1, "VolumePutFiles", "lost"),
        (1, "VolumePutFiles", "status"),
        (2, "VolumeGetOrCreate", "hang"),
        (2, "BlockPut", "hang"),
        (2, "BlockPut", "cut"),
        (2, "BlockPut", "status"),
        (2, "VolumePutFiles2", "hang"),
        (2, "VolumePutFiles2", "cut"),
        (2, "VolumePutFiles2", "lost"),
        (2, "VolumePutFiles2", "wrong"),
        (2, "VolumePutFiles2", "status"),
    ],
)
async def test_an_upload_that_breaks_off_leaves_a_whole_file(
    volume: Volume, standin: StandIn, small: Path, large: Path, step: str, kind: str
) -> None:
    """Given a root file, when a step of replacing it fails, then the old one is there whole, and later the new one."""
    await volume.write({ROOT: small})
    detail = "503" if step in {"BlobPut", "BlockPut"} else "UNAVAILABLE"
    standin.fail(step, kind, detail=detail, skip=int((step, kind) == ("VolumePutFiles2", "lost")))
    with pytest.raises(VolumeError, match=f"^Modal: cannot .*{VOLUME}.*: ") as caught:
        await volume.write({ROOT: large})
    assert caught.value.retryable
    assert standin.files()[ROOT] in ({b"new\n", large.read_bytes()} if kind == "lost" else {b"new\n"})
    standin.mend()
    await volume.write({ROOT: large})
    assert standin.files() == {ROOT: large.read_bytes()}


async def test_a_batch_that_is_half_carried_out_leaves_whole_files(
    volume: Volume, standin: StandIn, version: int, small: Path, large: Path
) -> None:
    """Modal promises nothing about several files, so what points at others is written in a later call."""
    await volume.write({"a": small, "b": small})
    standin.fail(PUT[version], "half")
    with pytest.raises(VolumeError, match="cannot write a and 1 more"):
        await volume.write({"a": large, "b": large})
    for path, content in standin.files().items():
        assert content in {large.read_bytes(), b"new\n"}, path


async def test_a_short_disturbance_is_survived(
    volume: Volume, standin: StandIn, version: int, small: Path, large: Path
) -> None:
    """Modal's client tries again. Only a body that is cut in the middle it waits on for ever (aiohttp repeats the
    request with the rest of the body), so that the deadline has to end it.
    """
    standin.fail(SEND[version], "status", detail="500", times=1)
    for step in ("VolumeGetOrCreate", "VolumeGetFile2", "BlockGet", REMOVE[version]):
        standin.fail(step, "cut", times=1)
    await volume.write({ROOT: large, "latest.json": small})
    assert await volume.read(ROOT) == large.read_bytes()
    await volume.remove(ROOT)
    assert standin.files() == {"latest.json": b"new\n"}
    assert standin.faults == []


@pytest.mark.parametrize("version", [2], ids=["v2"])
async def test_a_cancelled_upload_leaves_no_transfers(volume: Volume, standin: StandIn, tmp_path: Path) -> None:
    """Modal's client would leave every block's upload hanging, and run out of connections sooner or later."""
    source = tmp_path / "blocks"
    source.write_bytes(b"".join(os.urandom(1024).ljust(BLOCK, b"x") for _ in range(3)))
    standin.fail("BlockPut", "hang")
    with pytest.raises(VolumeError, match="not done after"):
        await volume.write({ROOT: source})
    async with asyncio.timeout(FAR_SECONDS):
        while standin.transfers:
            await asyncio.sleep(0.01)


OPERATIONS: dict[str, Callable[[Volume, Path], Awaitable[object]]] = {
    "listing": lambda volume, _: volume.listing(),
    "read": lambda volume, _: volume.read(ROOT),
    "write": lambda volume, source: volume.write({ROOT: source}),
    "remove": lambda volume, _: volume.remove(ROOT),
}


def steps(operation: str, version: int) -> tuple[str, ...]:
    own = {"listing": LIST[version], "read": "VolumeGetFile2", "write": PUT[version], "remove": REMOVE[version]}
    return ("VolumeGetOrCreate", own[operation], *(("BlockGet",) if operation == "read" else ()))


@pytest.mark.parametrize("kind", ["hang", "cut"])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_step_of_anything_waits_for_ever(
    volume: Volume, standin: StandIn, version: int, small: Path, operation: str, kind: str
) -> None:
    await volume.write({ROOT: small})
    for step in steps(operation, version):
        standin.fail(step, kind)
        with pytest.raises(VolumeError, match=r"^Modal: cannot ") as caught:
            await OPERATIONS[operation](volume, small)
        assert caught.value.retryable
        standin.mend()
    assert standin.files() == {ROOT: b"new\n"}


@pytest.mark.parametrize(
    ("detail", "retryable", "advice"),
    [
        ("UNAUTHENTICATED", False, "set both MODAL_TOKEN_ID and MODAL_TOKEN_SECRET"),
        ("PERMISSION_DENIED", False, "the token's workspace does not allow this"),
        ("UNIMPLEMENTED", False, "pip install 'modal>=1.6,<1.7'"),
        ("INVALID_ARGUMENT", False, "injected INVALID_ARGUMENT$"),
        ("RESOURCE_EXHAUSTED", True, "injected RESOURCE_EXHAUSTED$"),
        ("FAILED_PRECONDITION", True, "something else is changing it"),
        ("DATA_LOSS", True, "injected DATA_LOSS$"),
    ],
)
async def test_every_refusal_says_what_to_do(
    volume: Volume, standin: StandIn, version: int, small: Path, detail: str, retryable: bool, advice: str
) -> None:
    await volume.write({ROOT: small})
    small.write_text("newer\n")
    for operation, act in OPERATIONS.items():
        for step in steps(operation, version):
            if step == "BlockGet":
                continue
            standin.fail(step, "status", detail=detail)
            with pytest.raises(VolumeError, match=advice) as caught:
                await act(volume, small)
            assert caught.value.retryable is retryable, step
            standin.mend()
    assert standin.files() == {ROOT: b"new\n"}


async def test_wrong_content_is_never_taken_for_the_file(volume: Volume, standin: StandIn, small: Path) -> None:
    await volume.write({ROOT: small})
    standin.fail("BlockGet", "wrong")
    with pytest.raises(VolumeError, match=f"cannot read {ROOT}"):
        await volume.read(ROOT)


async def test_a_directory_in_the_way_is_not_replaced(volume: Volume, standin: StandIn, small: Path) -> None:
    await volume.write({f"{ROOT}/inside": small})
    with pytest.raises(VolumeError, match="already exists") as caught:
        await volume.write({ROOT: small})
    assert not caught.value.retryable
    assert standin.files() == {f"{ROOT}/inside": b"new\n"}


OTHER = {"ROOFLOG_SINK": "modal", "ROOFLOG_MODAL_VOLUME": "other", "ROOFLOG_MODAL_ENVIRONMENT": "staging"}


async def test_a_missing_volume_is_made(standin: StandIn, small: Path) -> None:
    volume = open_volume(settings.load({}, OTHER))
    assert await volume.listing() == {}
    await volume.write({ROOT: small})
    assert await volume.read(ROOT) == small.read_bytes()
    assert "other" in standin.volumes
    await volume.close()


async def test_a_missing_environment_is_named_with_advice(standin: StandIn) -> None:
    standin.missing_environments.add("staging")
    volume = open_volume(settings.load({}, OTHER))
    with pytest.raises(VolumeError, match=r"find volume other in environment 'staging'.*`modal environment create`"):
        await volume.listing()
    await volume.close()


async def test_a_volume_made_anew_under_the_same_name_is_found(
    volume: Volume, standin: StandIn, version: int, small: Path
) -> None:
    await volume.write({ROOT: small})
    standin.volumes[VOLUME] = 3 - version
    await volume.write({"latest.json": small})
    assert "latest.json" in await volume.listing()
