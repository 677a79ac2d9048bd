"""Notes over HTTP: said once, found by whom they name, and in the history of the example."""

from __future__ import annotations

from ..conftest import Site
from .test_decisions import captured


def test_a_note_reaches_whom_it_names(site: Site) -> None:
    example, reviewer = captured(site), site.client("reviewer")
    path = f"/api/v1/examples/{example['example_id']}/notes"
    answers = [
        reviewer.post(path, json={"note": "is that so, @operator?"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    operator = site.client("operator")
    operator.post(path, json={"note": "it is, @reviewer"})
    pages = [operator.get("/api/v1/notes", params={"to_me": of}) for of in (True, False)]
    assert [page.text for page in pages if page.status_code != 200] == []
    to_me, all_ = (page.json()["items"] for page in pages)
    assert [(note["actor"], note["note"]) for note in to_me] == [("reviewer", "is that so, @operator?")]
    assert [note["note"] for note in all_] == ["it is, @reviewer", "is that so, @operator?"]
    shown = operator.get(f"/api/v1/examples/{example['example_id']}").json()
    assert shown["revision"] == all_[0]["seq"]
    assert shown["verdict"] == example["verdict"]


def test_a_note_is_about_an_example_that_is_there(site: Site) -> None:
    reviewer = site.client("reviewer")
    assert reviewer.post("/api/v1/examples/nothing/notes", json={"note": "x"}).status_code == 404
    example = captured(site)
    path = f"/api/v1/examples/{example['example_id']}/notes"
    assert [reviewer.post(path, json=body).status_code for body in ({"note": ""}, {"note": "  "}, {})] == [422] * 3
