"""The policies of the log: which one holds, and what each adoption changed, without carrying whole documents about."""

from __future__ import annotations

from projections.policy.policy import default, from_document
from projections.tables import policies

from ..given import adopted, given, policy

STRICT = policy(filters={"min_response_chars": 90})
LOOSE = policy(filters={"min_response_chars": 90, "min_prompt_chars": 3}, training={"goal": 10})


def test_before_any_adoption_the_shipped_policy_holds() -> None:
    told = policies.adoptions(given().con)
    assert (told["digest"], told["adopted"], told["total"]) == (default().digest, [], 0)
    assert told["settings"]["filters"]["min_response_chars"] == 50
    assert "lexicon" not in told["settings"]
    assert told["terms"] == len(default().lexicon.terms)


def test_each_adoption_tells_what_it_changed_the_latest_first() -> None:
    told = policies.adoptions(given(adopted(STRICT), adopted(LOOSE), adopted(policy())).con)
    assert [[change["setting"] for change in one["changes"]] for one in told["adopted"]] == [
        ["filters.min_prompt_chars", "filters.min_response_chars", "training.goal"],
        ["filters.min_prompt_chars", "training.goal"],
        ["filters.min_response_chars"],
    ]
    assert told["adopted"][2]["changes"] == [{"setting": "filters.min_response_chars", "now": 50, "then": 90}]
    assert [one["digest"] for one in told["adopted"]] == [default().digest, LOOSE.digest, STRICT.digest]


def test_a_page_compares_its_last_policy_with_its_predecessor() -> None:
    told = policies.adoptions(given(adopted(STRICT), adopted(LOOSE)).con, limit=1)
    assert [one["digest"] for one in told["adopted"]] == [LOOSE.digest]
    assert [change["setting"] for change in told["adopted"][0]["changes"]] == [
        "filters.min_prompt_chars",
        "training.goal",
    ]
    assert told["total"] == 2


def test_changes_of_the_lexicon_are_counted() -> None:
    words = default().lexicon.rivals
    other = policy(lexicon={"rivals": [*words, "firmware update", "router"]})
    (told,) = policies.adoptions(given(adopted(other)).con)["adopted"]
    assert (told["changes"], told["lexicon_changes"]) == ([], 2)


def test_a_document_is_found_by_the_start_of_its_digest() -> None:
    con = given(adopted(STRICT)).con
    for wanted in (STRICT, default()):
        found = policies.document(con, digest=wanted.digest[:12])
        assert found is not None
        assert found["digest"] == wanted.digest
        assert from_document(found["policy"]) == wanted
    assert policies.document(con, digest="0" * 12) is None
