"""Images that imitate the official ones where no registry can be reached: `python -m tests.containers.offline_images`.

They are made from Debian's packages, from the wheels of the locks, and from the nats-server of the environment. They
have the names that the Dockerfile and the compose files give, in the storage of the tests alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.runtime.nats_server import binary

from ..services.compose import CLUSTER, DOCKERFILE, services
from .engine import HOME, ROOT, Engine, engine

LOCKS = ("requirements-build.lock", "requirements-modal.lock")


def make(program: Engine) -> None:
    """Make each image that the engine does not have."""
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.M)
    assert base
    images = [service["image"] for service in services(CLUSTER, {}).values()]
    server = next(image for image in images if image.startswith("nats:"))
    proxy = next(image for image in images if image.startswith("haproxy:"))
    if not _has(program, base[1]):
        root = _debian("bookworm", "python3", "python3-venv", "python3-pip", "ca-certificates")
        for lock in LOCKS:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
            command += [
                "--require-hashes",
                "--no-build-isolation",
                "--dest",
                str(root / "wheels"),
                "-r",
                str(ROOT / lock),
            ]
            subprocess.run(command, check=True)
        for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            mark.unlink()
        (root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        _take(program, root, base[1])
    if not _has(program, server) or not _has(program, proxy):
        root = _debian("trixie", "haproxy", "busybox", "ca-certificates")
        shutil.copy(binary(), root / "usr" / "local" / "bin" / "nats-server")
        (root / "usr" / "bin" / "wget").unlink(missing_ok=True)
        (root / "usr" / "bin" / "wget").symlink_to("busybox")
        _take(program, root, server, proxy)


def _has(program: Engine, image: str) -> bool:
    return image in program.run("images", "--format", "{{.Repository}}:{{.Tag}}").replace("docker.io/library/", "")


def _debian(release: str, *packages: str) -> Path:
    root = HOME / release
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release, root], check=True)
    return root


def _take(program: Engine, root: Path, *names: str) -> None:
    archive = root.with_suffix(".tar")
    left_out = ("./proc/*", "./sys/*", "./var/cache/apt/*", "./var/lib/apt/lists/*")
    subprocess.run(["tar", "-C", root, *(f"--exclude={each}" for each in left_out), "-cf", archive, "."], check=True)
    for name in names:
        program.run("import", str(archive), f"docker.io/library/{name}")
    archive.unlink()
    shutil.rmtree(root)


if __name__ == "__main__":
    make(engine())
