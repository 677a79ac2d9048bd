"""Downloads over HTTP: lists as files that no spreadsheet runs, and the files of an export as they are."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pyarrow.parquet as pq

from ..browser import ANSWER, capture
from ..conftest import Site, until

HOSTILE = (
    "=HYPERLINK(1) on a roof?",
    " +cmd on a roof?",
    "@SUM(A1) on a roof?",
    "-2+3 on a roof?",
    "Plain, on a roof?",
)


def ids_of(site: Site, project: str) -> list[str]:
    return capture(site, project, *HOSTILE)


def test_every_format_has_all_rows_and_whole_texts(site: Site) -> None:
    ids = capture(site, "formats", *(f"Which lap has seam {n} of a roof? {'long ' * 100}" for n in range(130)))
    client = site.client("auditor")
    parameters = {"project": "formats"}
    lines = client.get("/api/v1/downloads/examples", params=parameters | {"format": "jsonl"}).text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["example_id"] for row in rows} == set(ids)
    assert rows[0]["prompt"].count("long") == 100
    table = pq.read_table(
        io.BytesIO(client.get("/api/v1/downloads/examples", params=parameters | {"format": "parquet"}).content)
    )
    assert table.to_pylist() == rows
    text = client.get("/api/v1/downloads/examples", params=parameters).content.decode("utf-8-sig")
    assert [row["example_id"] for row in csv.DictReader(io.StringIO(text))] == [row["example_id"] for row in rows]


def test_no_cell_is_a_formula(site: Site) -> None:
    ids_of(site, "=danger")
    text = site.client("auditor").get("/api/v1/downloads/examples?project=%3Ddanger").content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if cell.lstrip(" ").startswith(tuple("=+-@"))] == []
    assert "'=HYPERLINK(1) on a roof?" in cells
    assert "Plain, on a roof?" in cells


def test_the_queue_is_in_its_own_order(site: Site) -> None:
    capture(site, "queued", *(f"How is valley {n} of a roof lined?" for n in range(3)))
    client = site.client("reviewer")
    lines = client.get("/api/v1/downloads/review?project=queued&format=jsonl").text.splitlines()
    items = client.get("/api/v1/review?project=queued").json()["items"]
    assert [json.loads(line)["example_id"] for line in lines] == [item["example_id"] for item in items]
    assert json.loads(lines[0])["response"] == ANSWER


def exported(site: Site, *prompts: str) -> str:
    """Approve new examples and export; the digest."""
    operator = site.client("operator")
    site.cli.run("approve", *capture(site, "exported", *prompts))
    digest: str = site.cli.json("export", "--min-examples", "1")["export_digest"]
    until(lambda: operator.get("/api/v1/exports").json()["exports"][0]["export_digest"] == digest)
    return digest


def test_files_of_an_export_are_those_of_the_volume(site: Site) -> None:
    client, digest = site.client("auditor"), exported(site, "How wide is a roof gutter?")
    files = client.get(f"/api/v1/exports/{digest}/files").json()["files"]
    manifest = client.get(f"/api/v1/exports/{digest}/files/manifest.json").content
    assert hashlib.sha256(manifest).hexdigest() == digest
    for name, told in json.loads(manifest)["files"].items():
        data = client.get(f"/api/v1/exports/{digest}/files/{name}").content
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (told["sha256"], files[name])
    for name in ("../../latest.json", "%2e%2e/%2e%2e/latest.json", "nothing.jsonl"):
        assert client.get(f"/api/v1/exports/{digest}/files/{name}").status_code == 404
    assert client.get(f"/api/v1/exports/{'0' * 64}/files").status_code == 404


def test_two_exports_are_compared_by_the_exporter(site: Site) -> None:
    client = site.client("auditor")
    assert client.get(f"/api/v1/exports/{'0' * 64}/changes?since={'1' * 64}").status_code == 503
    before, now = (
        exported(site, *prompts)
        for prompts in (["How deep is a roof gutter?"], ["How long is a roof gutter?", "How high is a roof curb?"])
    )
    site.start("exporter")
    try:
        until(lambda: client.get("/api/v1/exporter").status_code == 200)
        changes = client.get(f"/api/v1/exports/{now}/changes?since={before}").json()
        assert changes == {"came": 2, "left": 0, "changed": 0}
        assert client.get(f"/api/v1/exports/{before}/changes?since={now}").json()["left"] == 2
        answer = client.get(f"/api/v1/exports/{'0' * 64}/changes?since={now}")
        assert answer.status_code == 404
        assert "does not hold the lineage" in answer.json()["error"]["message"]
    finally:
        site.stop("exporter")
