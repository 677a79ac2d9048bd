"""Troubles of the volume and of what keeps it current."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.runtime.nats_server import EmbeddedServer

from ..conftest import Cli
from ..web.conftest import until
from .conftest import as_nobody, breaks, examined, outside, settings, troubles


@breaks("volume")
def test_a_latest_export_that_is_not_there(cli: Cli) -> None:
    digest = cli.json("demo")["export_digest"]
    assert troubles(cli) == []
    shutil.rmtree(cli.data_dir / "volume" / "exports" / digest)
    [(check, what)] = troubles(cli)
    assert (check, f"names the export {digest[:12]}, which is not whole there" in what) == ("volume", True)
    cli.run("export", "--min-examples", "1")
    assert troubles(cli) == []


async def test_a_volume_that_cannot_be_written(model: Path, shared: Path) -> None:
    cli = Cli(shared / "data")
    shutil.copytree(model, cli.data_dir)
    volume = cli.data_dir / "volume"
    volume.mkdir(mode=0o500, exist_ok=True)
    volume.chmod(0o500)
    with as_nobody(cli.data_dir):
        assert await examined(settings(cli)) == [("volume", f"the volume {volume} is not writable")]
        volume.chmod(0o700)
        assert await examined(settings(cli)) == []


def test_modal_without_credentials(sound: Cli, tmp_path: Path) -> None:
    sound.environment |= {"ROOFLOG_SINK": "modal", "HOME": str(tmp_path), "MODAL_DISABLE_API_PROXY": "1"}
    sound.environment.pop("MODAL_TOKEN_ID", None)
    sound.environment.pop("MODAL_TOKEN_SECRET", None)
    [trouble] = sound.json("doctor", code=1)["troubles"]
    assert trouble["check"] == "volume"
    assert "MODAL_TOKEN_ID" in trouble["cure"]


@breaks("exporter")
def test_an_exporter_that_is_down(sound: Cli, running: EmbeddedServer) -> None:
    outside(sound, running)
    projector = sound.start("projector")
    try:
        until(lambda: sound.json("status")["projector_running"])
        assert troubles(sound) == [("exporter", "no exporter answers")]
        exporter = sound.start("exporter")
        try:
            until(lambda: troubles(sound) == [])
        finally:
            exporter.terminate()
            exporter.wait()
    finally:
        projector.terminate()
        projector.wait()
