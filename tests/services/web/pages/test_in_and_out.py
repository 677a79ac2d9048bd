"""What comes in and goes out in a real browser: imports, proofs, downloads, people."""

from __future__ import annotations

import json
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ..browser import Visitor, sideways
from ..conftest import Site

NARROW = {"width": 320, "height": 720}


def complaints(page: Page) -> str:
    """What axe has against a page."""
    results = Axe().run(page)
    return "" if results.violations_count == 0 else results.generate_report()


def test_a_file_is_previewed_and_then_imported(visit: Callable[..., Visitor]) -> None:
    row = {"prompt": "Which <b>drip</b> edge has an eave?", "completion": "A metal edge under the underlayment."}
    content = json.dumps(row).encode() + b"\nbroken\n"
    page = visit("operator").open("/imports")
    page.get_by_label("A file of JSON lines").set_input_files(
        {"name": "chat <i>log</i>.jsonl", "mimeType": "application/jsonl", "buffer": content}
    )
    page.get_by_role("button", name="Show what would come of it").click()
    card = page.get_by_role("region", name="What would come of")
    expect(card).to_contain_text("line 2: not a JSON object")
    expect(card).to_contain_text("Which <b>drip</b> edge")
    assert complaints(page) == ""
    page.get_by_role("button", name="Import 1 fact").click()
    expect(page.get_by_role("region", name="Imported chat")).to_be_visible()
    expect(page.get_by_role("region", name="Imports before")).to_contain_text("1 new, 0 changed, 1 problem")


def test_a_reviewer_is_told_who_imports(visit: Callable[..., Visitor]) -> None:
    page = visit("ann").open("/imports")
    expect(page.get_by_text("only an operator may import")).to_be_visible()
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert sideways(page) == 0


def test_log_and_export_are_proved_and_results_stay(visit: Callable[..., Visitor]) -> None:
    page = visit("operator").open("/proofs")
    page.get_by_role("button", name="Verify the log").click()
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_text("nothing was changed")).to_be_visible()
    page.get_by_role("button", name="Make it anew and compare").click()
    expect(results.get_by_text("the same, byte for byte")).to_be_visible()
    assert complaints(page) == ""
    page = visit("auditor", viewport=NARROW).open("/proofs")
    expect(page.get_by_role("region", name="Results").get_by_text("the same, byte for byte")).to_be_visible()
    expect(page.get_by_role("button", name="Verify the log")).to_have_count(0)
    assert sideways(page) == 0


def test_files_and_lists_are_downloaded(visit: Callable[..., Visitor]) -> None:
    page = visit("auditor", viewport=NARROW).open("/exports")
    page.get_by_role("button", name="Files").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="manifest.json").click()
    assert json.loads(download.value.path().read_bytes())["first_seq"] == 1
    assert sideways(page) == 0
    page = visit("ann").open("/examples?stage=training")
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines").click()
    rows = [json.loads(line) for line in download.value.path().read_bytes().splitlines()]
    assert rows
    assert all(row["in_training"] for row in rows)


def test_an_operator_lets_somebody_in_and_out(visit: Callable[..., Visitor], day: Site) -> None:
    page = visit("operator").open("/people")
    page.get_by_label("Name", exact=True).fill("zoe")
    page.get_by_label("Your own token").fill(day.secrets["operator"])
    page.get_by_role("button", name="Make a token").click()
    secret = page.get_by_label("The token of zoe").input_value()
    assert day.client().get("/api/v1/session", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert complaints(page) == ""
    page.get_by_role("button", name="Remove zoe").click()
    page.get_by_role("button", name="Really shut zoe out?").click()
    expect(page.get_by_role("listitem").filter(has_text="zoe")).to_have_count(0)
    assert "zoe" not in [token.name for token in day.tokens.all()]
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert sideways(page) == 0
