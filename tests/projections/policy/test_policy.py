"""Policies: written wrong they are refused with the field's name, adopted they hold for everything."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from projections.fold.content_digest import content_digest
from projections.policy.policy import (
    PolicyError,
    _released,
    default,
    from_bytes,
    from_document,
    from_toml,
    is_earlier_lexicon,
    proposed,
    shipped,
)
from projections.queries import examples

from ..given import (
    ANSWER,
    OTHER_PROMPT,
    SUPPLIER,
    Story,
    adopted,
    captured,
    corrected,
    disliked,
    document,
    fold,
    given,
    liked,
    policy,
)

SHIPPED = files("projections.policy").joinpath("policy.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("min_prompt_chars = 10", "", "min_prompt_chars"),
        ("min_prompt_chars = 10", 'min_prompt_chars = "10"', "min_prompt_chars"),
        ("min_prompt_chars = 10", "min_prompt_chars = 10.5", "min_prompt_chars"),
        ("min_prompt_chars = 10", "min_prompt_chars = true", "min_prompt_chars"),
        ("min_response_chars = 50", "min_response_chars = -1", "min_response_chars"),
        ("min_examples = 100", "min_examples = 1_000_000_001", "min_examples"),
        ('min_relevance = "medium"', 'min_relevance = "middling"', "min_relevance"),
        ('excluded_sources = ["error", "timeout"]', 'excluded_sources = "error"', "excluded_sources"),
        ('excluded_sources = ["error", "timeout"]', "excluded_sources = [1]", "excluded_sources"),
        ("exclude_personal_data = true", 'exclude_personal_data = "yes"', "exclude_personal_data"),
        ("positive_feedback = true", "positive_feedback = 1", "positive_feedback"),
        ('used_documents = ["none", "minor"]', 'used_documents = ["all"]', "used_documents"),
        ("borderline = 1", "border = 1", "border"),
        ("[review]", "[reviews]", "review"),
        ("[export]", "[export]\nfoo = 1", "foo"),
        ("threshold = 0.7", "threshold = 0.4", "threshold"),
        ("threshold = 0.7", "threshold = 1.1", "threshold"),
        ("near = true", "near = 0.7", "near"),
        ("synonyms = {}", 'synonyms = {"TPO Roof" = "a", "tpo  roof" = "b"}', "stands for 'a' and for another tag"),
        ("eval_share = 0.1", "eval_share = 10", "eval_share"),
        ("keep_versions = 20", "keep_versions = 0", "keep_versions"),
        ("at = 500", "at = -1", "training.at"),
        ("high = 4", "high = 2", "relevance.high"),
        ("system = ", "system = 5 # ", "system"),
        ("[filters]", "[filters", "not TOML"),
        ("[filters]", "[approval]\n[filters]", "not TOML"),
        (SHIPPED, "", "filters"),
    ],
)
def test_a_malformed_policy_is_refused_and_the_field_named(right: str, wrong: str, named: str) -> None:
    assert right in SHIPPED
    with pytest.raises(PolicyError, match=named):
        from_toml(SHIPPED.replace(right, wrong))


TPO = '{ term = "tpo", weight = 3 }'


@pytest.mark.parametrize(
    ("lexicon", "named"),
    [
        ("", "terms.*lexicon"),
        ('terms = "tpo"', "lexicon.terms"),
        ("terms = []", "lexicon.terms"),
        ("terms = [{ weight = 3 }]", r"field `term`.*lexicon.terms\[0\]"),
        ('terms = [{ term = "", weight = 3 }]', r"lexicon.terms\[0\].term.*one space between"),
        ('terms = [{ term = "roof  drain", weight = 3 }]', "'roof  drain'.*one space between"),
        ('terms = [{ term = "tpo ", weight = 3 }]', "'tpo '.*one space between"),
        ('terms = [{ term = "tpo", weight = 3, also = [""] }]', r"terms\[0\].also\[0\].*one space between"),
        ('terms = [{ term = "tpo", weight = 3, also = ["a", "a"] }]', "the term 'tpo' has 'a' twice"),
        ('terms = [{ term = "tpo", weight = "3" }]', r"lexicon.terms\[0\].weight"),
        (f"terms = [{TPO}, {TPO}]", "lexicon.terms has 'tpo' twice"),
        (f'terms = [{TPO}]\nrivals = ["tea", ""]', r"lexicon.rivals\[1\].*''.*one space between"),
        (f'terms = [{TPO}]\nrivals = ["tea", 3]', r"lexicon.rivals\[1\]"),
        (f'terms = [{TPO}]\nrivals = ["tea", "tea"]', "lexicon.rivals has 'tea' twice"),
        (f'terms = [{TPO}]\nignored = ["(roof"]', r"lexicon.ignored\[0\].*'\(roof'"),
        (f"terms = [{TPO}]\nidle = []", "idle.*lexicon"),
    ],
)
def test_a_malformed_lexicon_is_refused_and_the_entry_named(lexicon: str, named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        from_toml(f"{SHIPPED}\n[lexicon]\n{lexicon}\n")


@pytest.mark.parametrize("content", [SHIPPED.encode("utf-16"), f"{SHIPPED}# Größe".encode("latin-1"), b"\xff"])
def test_a_policy_in_another_encoding_is_refused_with_the_place(content: bytes) -> None:
    with pytest.raises(PolicyError, match=r"not UTF-8, as TOML is: byte \d+ is 0x"):
        from_bytes(content)


def test_a_byte_order_mark_changes_nothing() -> None:
    assert from_bytes(SHIPPED.encode("utf-8-sig")) == default()


@pytest.mark.parametrize("plain", [{}, {"filters": None}, {"filters": []}])
def test_what_is_no_policy_at_all_is_refused(plain: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match="filters"):
        from_document(plain)


def test_the_shipped_policy_is_the_one_of_the_domain() -> None:
    shipped = default()
    filters, approval, export = shipped.filters, shipped.approval, shipped.export
    assert (filters.min_prompt_chars, filters.min_response_chars, filters.min_relevance) == (10, 50, "medium")
    assert (filters.excluded_sources, filters.exclude_personal_data) == (("error", "timeout"), True)
    assert (approval.positive_feedback, approval.used_documents) == (True, ("none", "minor"))
    assert {"user_correction", "verified_calculation"} <= set(approval.trusted_sources)
    assert (export.min_examples, shipped.training.at, shipped.training.goal) == (100, 500, 2000)
    assert export.system == "You are an expert roofing and waterproofing assistant."


def test_a_release_is_known_by_its_digest() -> None:
    folder = files("projections.policy").joinpath("released")
    assert [f"{policy.digest}.json" for policy in _released()] == sorted(file.name for file in folder.iterdir())
    for released in (default(), *_released()):
        assert shipped(released.digest) == released
    assert shipped(policy(review={"borderline": 2}).digest) is None


def test_only_earlier_releases_have_an_earlier_lexicon() -> None:
    assert all(is_earlier_lexicon(released.lexicon) for released in _released())
    assert not is_earlier_lexicon(default().lexicon)
    assert not is_earlier_lexicon(policy(lexicon={"rivals": ["zorble"]}).lexicon)


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    plain = default().document()
    backwards = {section: dict(reversed(plain[section].items())) for section in reversed(plain)}
    assert from_document(backwards).digest == default().digest
    assert policy(review={"borderline": 2}).digest != default().digest


def test_a_policy_comes_back_from_its_document() -> None:
    assert from_document(default().document()) == default()


FACTS = (
    captured("liked"),
    liked("liked"),
    document("used", prompt=OTHER_PROMPT),
    captured("mail", "Whom do I ask on TPO?", ANSWER + SUPPLIER),
    liked("mail"),
    captured("short", "TPO roof?", tags=("tpo",)),
    liked("short"),
    corrected(None, prompt="Which EPDM roof tape?"),
    captured("failed", "Which roof drain is best?", source="error"),
    liked("failed"),
    disliked("failed"),
    captured(
        "sun", "Is a warm roof nail bad?", "A nail that is warm in the sun is no problem, nothing needs to be done."
    ),
    liked("sun"),
)


@pytest.mark.parametrize(
    ("changes", "training_set"),
    [
        ({}, ["liked", "used", "fix", "sun"]),
        ({"filters": {"min_prompt_chars": 0}}, ["liked", "used", "short", "fix", "sun"]),
        ({"filters": {"min_response_chars": 10**9}}, []),
        ({"filters": {"min_relevance": "high"}, "relevance": {"high": 6}}, ["liked", "used", "fix"]),
        ({"filters": {"exclude_personal_data": False}}, ["liked", "used", "mail", "fix", "sun"]),
        ({"filters": {"excluded_sources": []}, "approval": {"trusted_sources": ["error"]}}, ["liked", "used", "sun"]),
        ({"filters": {"excluded_sources": ["rfi_generation", "user_correction"]}}, ["liked", "sun"]),
        ({"approval": {"positive_feedback": False}}, ["used", "fix"]),
        ({"approval": {"trusted_sources": []}}, ["liked", "used", "sun"]),
        ({"approval": {"used_documents": ["major"]}}, ["liked", "fix", "sun"]),
        ({"relevance": {"context": 5, "medium": 4}}, ["liked", "used", "fix"]),
    ],
    ids=repr,
)  # fmt: skip
def test_a_policy_also_judges_what_came_before_it(changes: dict[str, Any], training_set: list[str]) -> None:
    new = policy(**changes)
    after = _judgements(given(*FACTS, adopted(new)))
    assert after == _judgements(given(adopted(new), *FACTS))
    assert {example_id for example_id, reasons, *_ in after if reasons == 0} == set(training_set)


def test_the_latest_policy_holds() -> None:
    strict = policy(approval={"positive_feedback": False})
    story = given(captured("a"), liked("a"), adopted(strict), adopted(policy()))
    story.then(training_set=["a"])
    assert examples.status(story.con)["policy_digest"] == default().digest
    assert content_digest(story.con) != content_digest(given(captured("a"), liked("a")).con)


def _judgements(story: Story) -> list[tuple[Any, ...]]:
    """What one fold says of every example; that all folds agree is asserted elsewhere."""
    columns = "example_id, reasons, relevance, tags, personal_data, approval, rank, superseded_by, duplicate_of, queue"
    con = fold([story.messages]).con
    return con.execute(f"SELECT {columns} FROM verdicts ORDER BY example_id").fetchall()


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("a." * 20_000 + "a = 1", "a key on line 1 has more than 8 dots"),
        ('# "a.a"\n[' + '"a" . ' * 20 + "a]", "a key on line 2 has more than 8 dots"),
        ("a = " + "[" * 3_000, "brackets nest too deep"),
        ("a = " + "{a = " * 3_000, "brackets nest too deep"),
        ("a = " + "1" * 5_000, "not TOML: Exceeds the limit"),
        ("a = 1\n" * 200_000, "the policy has 1,200,000 bytes, at most 1,048,576 are taken"),
    ],
)
def test_toml_that_is_dear_to_parse_is_refused_before(toml: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        from_toml(toml)
    with pytest.raises(PolicyError, match=says):
        from_bytes(toml.encode())


def test_dots_and_brackets_inside_of_texts_are_no_keys() -> None:
    dotted = "a." * 20 + "[" * 20
    for quoted in (f'"{dotted}"', f"'{dotted}'", f'"""\n{dotted}\\"""""', f"'''{dotted}'''", f"1 # {dotted}"):
        with pytest.raises(PolicyError, match="unknown field `a`"):
            from_toml(f"a = {quoted}")


MANY = ["q" + f"{n:04}".translate(str.maketrans("0123456789", "abcdefghij")) for n in range(5_001)]


@pytest.mark.parametrize(
    ("lexicon", "says"),
    [
        ({"rivals": MANY}, "lexicon.rivals has 5,001 entries, at most 5,000"),
        ({"terms": [{"term": word, "weight": 1} for word in MANY]}, "lexicon.terms has 5,001 entries"),
        (
            {"terms": [{"term": "t", "weight": 1, "also": MANY[:101]}]},
            "'t' has 101 also, at most 100",
        ),
        (
            {"terms": [{"term": "t", "weight": 1, "tags": MANY[:101]}]},
            "'t' has 101 tags, at most 100",
        ),
        ({"ignored": ["x" * 60] * 20_000}, "the policy has 1,2.* bytes as JSON, at most 1,048,576"),
        ({"ignored": [[]] * 30_000}, "lists and objects, at most 20,000"),
    ],
)
def test_a_lexicon_that_is_proposed_has_limits(lexicon: dict[str, Any], says: str) -> None:
    plain = default().document()
    terms = {"terms": [{"term": "t", "weight": 1}], "rivals": [], "ignored": []}
    with pytest.raises(PolicyError, match=says):
        proposed(plain | {"lexicon": terms | lexicon})


def test_a_larger_lexicon_on_the_log_holds() -> None:
    plain = default().document()
    assert len(from_document(plain | {"lexicon": {**plain["lexicon"], "rivals": MANY}}).lexicon.rivals) == 5_001


def test_a_default_that_came_later_changes_no_digest() -> None:
    document = default().document()
    assert "disputed" not in document["review"]
    explicit = from_document(document | {"review": document["review"] | {"disputed": "wait"}})
    assert explicit.digest == default().digest
    other = from_document(document | {"review": document["review"] | {"disputed": "stand"}})
    assert other.digest != default().digest
    assert from_document(other.document()) == other
