"""What a release is, in `dist/`: `python -m tests.release`, or `make release` with the list of parts before it.

| file | holds |
|---|---|
| `*.whl` | the wheels of the application and of the client; the same commit gives the same bytes |
| `image.tar` | the image of all services, where a Dockerfile is there, and podman or docker |
| `sbom.cdx.json` | what a running rooflog is made of, from `make sbom` |
| `CHANGES.md` | the section of the changelog for this version |
| `SHA256SUMS` | the digests of all files, for `sha256sum --check` |
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"


def version() -> str:
    """The version that both projects have."""
    names = (ROOT / "pyproject.toml", ROOT / "events" / "pyproject.toml")
    versions: set[str] = {tomllib.loads(path.read_text("utf-8"))["project"]["version"] for path in names}
    if len(versions) != 1:
        raise SystemExit(f"application and client have the versions {', '.join(sorted(versions))}; give both the same")
    return versions.pop()


def wheels(dist: Path) -> list[Path]:
    """Build both wheels, dated by the last commit."""
    asked = ["git", "log", "-1", "--format=%ct"]
    moment = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "0"
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-build-isolation"]
    for project in (ROOT, ROOT / "events"):
        command = [*build, "--no-deps", "--wheel-dir", str(dist), str(project)]
        subprocess.run(command, env=os.environ | {"SOURCE_DATE_EPOCH": moment}, check=True)
    return sorted(dist.glob(f"*-{version()}-*.whl"))


def image(dist: Path) -> None:
    """Build and save the image, where it can be built."""
    engine = shutil.which("podman") or shutil.which("docker")
    if engine is None or not (ROOT / "Dockerfile").exists():
        print("no image: podman or docker, or the Dockerfile, is missing", file=sys.stderr)
        return
    name = f"rooflog:{version()}"
    subprocess.run([engine, "build", "--tag", name, str(ROOT)], check=True)
    subprocess.run([engine, "save", "--output", str(dist / "image.tar"), name], check=True)


def changes(changelog: str, of: str) -> str:
    """The section of a version in a changelog. Raises SystemExit where there is none."""
    section = re.search(rf"^## {re.escape(of)}\b.*?(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None:
        raise SystemExit(f"CHANGELOG.md has no section {of}; write what changed")
    return section[0].rstrip() + "\n"


def checksums(dist: Path) -> str:
    """The digests of all files of a folder, as sha256sum writes them."""
    files = sorted(path for path in dist.iterdir() if path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def main() -> None:
    """Make all of it."""
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for old in (*dist.glob("*.whl"), dist / "image.tar"):
        old.unlink(missing_ok=True)
    wheels(dist)
    image(dist)
    (dist / "CHANGES.md").write_text(changes((ROOT / "CHANGELOG.md").read_text("utf-8"), version()))
    (dist / SUMS).write_text(checksums(dist))


if __name__ == "__main__":
    main()
