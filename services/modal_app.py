"""The side that runs on Modal: checks the exports that lie on the volume against their manifests.

`modal deploy services/modal_app.py` deploys it, `modal run services/modal_app.py` runs the check once and prints the
report. This one file is all that goes there, so it imports nothing but the standard library and Modal.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import modal

MOUNT = "/data"
FORMATS = (1, 2, 3)
MANIFEST = "manifest.json"
LINEAGE = {"lineage.jsonl", "lineage.parquet"}

app = modal.App("rooflog")
volume = modal.Volume.from_name(os.environ.get("ROOFLOG_MODAL_VOLUME", "roofing-training-data"))
image = modal.Image.debian_slim(python_version="3.11")


@app.function(image=image, volumes={MOUNT: volume.with_mount_options(read_only=True)}, timeout=3600)
def check_export(export_digest: str = "") -> dict[str, Any]:
    """Read every byte of an export, the latest unless named, and report whether it is what its manifest says."""
    volume.reload()
    return checked(Path(MOUNT), export_digest)


@app.function(image=image, volumes={MOUNT: volume.with_mount_options(read_only=True)}, timeout=600)
def list_exports() -> list[dict[str, Any]]:
    """Every export on the volume, oldest first, with its counts and whether its files are there in the right size."""
    volume.reload()
    return listed(Path(MOUNT))


@app.local_entrypoint()
def main(export_digest: str = "") -> None:
    """Check an export and print the report as JSON; exit code 1 where something is wrong."""
    report = check_export.remote(export_digest)
    print(json.dumps(report, indent=2))
    if not report["ok"]:
        sys.exit(1)


def checked(root: Path, export_digest: str = "") -> dict[str, Any]:
    """The report on an export below `root`: `ok`, every problem in words, and what its manifest counts."""
    latest = _read(root / "latest.json")
    digest = export_digest or str(latest.get("digest", ""))
    report: dict[str, Any] = {"export_digest": digest, "ok": False, "problems": [], "files": 0, "bytes": 0}
    if len(digest) != 64 or not digest.isalnum():
        what = f"{digest!r} is no digest of an export" if export_digest else "latest.json names no export"
        return report | {"problems": [what]}
    home = root / "exports" / digest
    manifest, problems = _manifest(home, digest)
    if manifest is None:
        return report | {"problems": problems}
    files = manifest["files"]
    for path, expected in sorted(files.items()):
        problems += [f"{path}: {problem}" for problem in _differences(home / path, expected)]
    problems += [f"{path}: the manifest does not know it" for path in sorted(set(_paths(home)) - {MANIFEST, *files})]
    is_latest = latest.get("digest") == digest
    if is_latest:
        problems += _root(root, latest, manifest)
    return report | {
        "ok": not problems,
        "problems": problems,
        "latest": is_latest,
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files.values()),
        **{name: value for name, value in manifest.items() if name not in {"files", "format"}},
    }


def listed(root: Path) -> list[dict[str, Any]]:
    """A line for every export below `root`, by the sequence it reaches."""
    latest = _read(root / "latest.json").get("digest")
    lines = []
    for home in sorted((root / "exports").glob("*")):
        manifest, _ = _manifest(home, home.name)
        sizes = {path: (home / path).stat().st_size for path in _paths(home)}
        expected = {path: file["bytes"] for path, file in manifest["files"].items()} if manifest else {}
        lines.append(
            {
                "export_digest": home.name,
                "latest": home.name == latest,
                "state": _state(sizes, expected) if manifest else "no manifest",
                "files": len(sizes),
                "bytes": sum(sizes.values()),
                "last_seq": manifest["last_seq"] if manifest else 0,
                "counts": manifest["counts"] if manifest else {},
            }
        )
    return sorted(lines, key=lambda line: (line["last_seq"], line["export_digest"]))


def _state(sizes: dict[str, int], expected: dict[str, int]) -> str:
    """Of an old export that was trained on only the manifest and the lineage are kept."""
    if all(sizes.get(path) == size for path, size in expected.items()):
        return "whole"
    return "lineage only" if set(sizes) <= {MANIFEST, *LINEAGE} else "incomplete"


def _manifest(home: Path, digest: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The manifest of an export, or what is wrong with it."""
    try:
        data = (home / MANIFEST).read_bytes()
    except OSError:
        return None, [f"{MANIFEST}: it is not there"]
    if (actual := hashlib.sha256(data).hexdigest()) != digest:
        return None, [f"{MANIFEST}: its SHA-256 is {actual}, so it is not the manifest of this export"]
    manifest = json.loads(data)
    if manifest.get("format") not in FORMATS:
        known = ", ".join(map(str, FORMATS))
        return None, [f"{MANIFEST}: its format is {manifest.get('format')!r}, this check knows {known}"]
    outside = [path for path in manifest["files"] if PurePosixPath(path).is_absolute() or ".." in path.split("/")]
    return (None, [f"{path}: it would lie outside the export" for path in outside]) if outside else (manifest, [])


def _differences(path: Path, expected: dict[str, Any]) -> Iterator[str]:
    """How a file differs from what the manifest says of it; of the rows only those of JSON lines are counted."""
    try:
        size, digest, lines = _measured(path)
    except OSError:
        yield "it is not there"
        return
    if size != expected["bytes"]:
        yield f"it has {size} bytes, the manifest says {expected['bytes']}"
    if digest != expected["sha256"]:
        yield f"its SHA-256 is {digest}, the manifest says {expected['sha256']}"
    if path.suffix == ".jsonl" and lines != expected["rows"]:
        yield f"it has {lines} rows, the manifest says {expected['rows']}"


def _root(root: Path, latest: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    """How the file that the trainer reads differs from the one of the latest export."""
    name = latest["root"]
    same = [path for path, file in manifest["files"].items() if file["sha256"] == latest["root_sha256"]]
    if not same:
        yield "latest.json: its root_sha256 is that of no file of the export"
        return
    yield from (f"{name}: {problem} ({same[0]})" for problem in _differences(root / name, manifest["files"][same[0]]))


def _measured(path: Path) -> tuple[int, str, int]:
    size, lines, digest = 0, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            size += len(chunk)
            lines += chunk.count(b"\n")
            digest.update(chunk)
    return size, digest.hexdigest(), lines


def _paths(home: Path) -> list[str]:
    return [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
