"""Verdicts: which examples are trained on, and every reason why the others are not."""

from __future__ import annotations

import pytest

from projections.queries import examples

from ..given import (
    ANSWER,
    BETTER,
    OTHER_PROMPT,
    PROMPT,
    SUPPLIER,
    Erase,
    Said,
    adopted,
    approved,
    captured,
    corrected,
    disliked,
    document,
    given,
    liked,
    policy,
    redacted,
    rejected,
    reopened,
)

ASKED = "How high must the café's\nbase flashing extend above the roof membrane?"
SAID = "At the café: extend the base flashing 8 inches above the roof membrane.\nThen fasten its top edge."
SAVED = [
    pytest.param(ASKED.replace("\n", "\r\n"), SAID.replace("\n", "\r\n"), True, id="line ends of Windows"),
    pytest.param(f"{ASKED}\n", f"{SAID}\n", True, id="a line end at the end"),
    pytest.param(ASKED, SAID.replace("8 inches", "8\u00a0inches"), True, id="a no-break space"),
    pytest.param(*(text.replace("é", "e\u0301") for text in (ASKED, SAID)), True, id="accents apart"),
    pytest.param(ASKED.replace(" ", "  "), SAID.replace(" ", "\t "), True, id="runs of blanks"),
    pytest.param(ASKED, SAID.replace("Then", "then"), False, id="another case"),
    pytest.param(ASKED, SAID.replace("membrane.", "membrane;"), False, id="other punctuation"),
]
"""A question and its answer as editors save them, and whether the words are the same."""


class TestFilters:
    """What an example must be like, whoever approves it."""

    def test_a_good_example_that_is_approved_is_trained_on(self) -> None:
        given(captured("a"), approved("a")).then(training_set=["a"], why={"a": []})

    @pytest.mark.parametrize(
        ("prompt", "response"),
        [("TPO roof?", ANSWER), (PROMPT, "Extend the TPO flashing above the roof membrane.")],
        ids=["9 characters of prompt", "48 characters of answer"],
    )
    def test_a_trivial_exchange_is_too_short(self, prompt: str, response: str) -> None:
        given(captured("a", prompt, response), approved("a")).then(training_set=[], why={"a": ["too_short"]})

    def test_lengths_at_the_limit_pass_and_count_characters(self) -> None:
        long, short = "TPO roof é" + "é" * 40, "TPO roof é" + "é" * 39
        facts = [captured("at", "TPO roof 屋", long), captured("under", "TPO roof é", short)]
        assert [len(facts[0].prompt), len(long), len(short)] == [10, 50, 49]
        given(*facts, approved("at"), approved("under")).then(training_set=["at"], why={"under": ["too_short"]})

    def test_talk_about_anything_but_roofing_is_of_low_relevance(self) -> None:
        lunch = captured("a", "Where shall we have lunch today?", "The special at the app store is a detail: " * 2)
        given(lunch, approved("a")).then(training_set=[], why={"a": ["low_relevance"]})

    def test_a_short_expert_answer_on_seam_welds_is_relevant(self) -> None:
        weld = captured(
            "a", "What does a seam probe find?", "A cold hot-air weld: cut it out, patch it and weld it anew."
        )
        given(weld, approved("a")).then(training_set=["a"])

    @pytest.mark.parametrize("source", ["error", "timeout"])
    def test_failed_responses_are_never_trained_on(self, source: str) -> None:
        given(captured("a", source=source), approved("a")).then(training_set=[], why={"a": ["excluded_source"]})

    def test_what_its_author_keeps_out_stays_out(self) -> None:
        kept_out = captured("a", include_in_training=False)
        correction = corrected("a", include_in_training=False)
        given(kept_out, approved("a"), correction).then(
            training_set=[], why={"a": ["excluded_by_author", "superseded_by fix-a"], "fix-a": ["excluded_by_author"]}
        )

    def test_personal_data_stays_out_until_it_is_redacted(self) -> None:
        personal = given(captured("a", response=ANSWER + SUPPLIER), approved("a"))
        personal.then(training_set=[], why={"a": ["personal_data"]})
        personal.when(redacted("a")).then(training_set=["a"], texts={"a": (PROMPT, ANSWER)})

    def test_the_latest_redaction_counts(self) -> None:
        given(
            captured("a"), approved("a"), redacted("a", response=BETTER), redacted("a", response=ANSWER + SUPPLIER)
        ).then(training_set=[], why={"a": ["personal_data"]})

    def test_every_reason_is_told_in_the_order_of_the_pipeline(self) -> None:
        bad = captured("a", "Mail?", "bo@example.com", source="error", include_in_training=False, was_corrected=True)
        given(bad, rejected("a")).then(
            why={
                "a": [
                    "too_short",
                    "low_relevance",
                    "excluded_source",
                    "excluded_by_author",
                    "personal_data",
                    "superseded_by",
                    "rejected",
                ]
            }
        )


class TestApproval:
    """Nothing is trained on that nobody stands behind."""

    def test_what_nobody_approved_is_not_approved(self) -> None:
        given(captured("a")).then(training_set=[], why={"a": ["not_approved"]}, approval={"a": None})

    def test_a_reviewer_approves(self) -> None:
        given(captured("a"), approved("a")).then(training_set=["a"], approval={"a": "reviewer"})

    def test_positive_feedback_approves(self) -> None:
        given(captured("a"), liked("a")).then(training_set=["a"], approval={"a": "feedback"})

    @pytest.mark.parametrize("source", ["verified_calculation", "verified_correction"])
    def test_a_trusted_source_approves(self, source: str) -> None:
        given(captured("a", source=source)).then(training_set=["a"], approval={"a": "trusted_source"})

    def test_a_correction_is_its_own_approval(self) -> None:
        given(corrected(None)).then(training_set=["fix"], approval={"fix": "trusted_source"})

    @pytest.mark.parametrize("modifications", ["none", "minor"])
    def test_a_document_used_with_minor_changes_is_approved(self, modifications: str) -> None:
        given(document("a", modifications)).then(training_set=["a"], approval={"a": "use"})

    def test_a_document_rewritten_or_unused_is_not_approved(self) -> None:
        given(document("rewritten", "major"), document("unused", was_used=False)).then(
            training_set=[], why={"rewritten": ["not_approved"], "unused": ["not_approved"]}
        )

    def test_the_strongest_approval_is_named(self) -> None:
        calculation = captured("a", source="verified_calculation")
        given(calculation, liked("a")).then(approval={"a": "feedback"})
        given(calculation, approved("a"), liked("a")).then(approval={"a": "reviewer"})

    @pytest.mark.parametrize(
        "approval",
        [[approved("a")], [liked("a")], [liked("a"), approved("a")], []],
        ids=["approved", "liked", "both", "trusted"],
    )
    def test_a_rejection_wins_over_every_earlier_approval(self, approval: list[Said]) -> None:
        given(captured("a", source="verified_calculation"), *approval, rejected("a")).then(
            training_set=[], why={"a": ["rejected"]}, approval={"a": None}
        )

    def test_a_rejection_is_lifted_by_a_later_approval(self) -> None:
        given(captured("a"), rejected("a"), approved("a")).then(training_set=["a"], approval={"a": "reviewer"})

    def test_a_rejection_is_not_lifted_by_later_praise(self) -> None:
        given(captured("a"), rejected("a"), liked("a")).then(training_set=[], why={"a": ["rejected"]})

    def test_a_used_document_that_was_rejected_is_not_trained_on(self) -> None:
        given(document("a"), rejected("a")).then(training_set=[], why={"a": ["rejected"]})

    def test_negative_feedback_revokes_trust_and_use(self) -> None:
        calculation, used = captured("a", OTHER_PROMPT, source="verified_calculation"), document("b")
        given(calculation, used, disliked("a"), disliked("b")).then(
            training_set=[], why={"a": ["not_approved"], "b": ["not_approved"]}
        )

    def test_negative_feedback_does_not_revoke_what_a_reviewer_decided(self) -> None:
        given(captured("a"), approved("a"), disliked("a")).then(training_set=["a"])

    def test_the_latest_feedback_counts(self) -> None:
        given(captured("a"), liked("a"), disliked("a")).then(training_set=[], why={"a": ["not_approved"]})
        given(captured("a"), disliked("a"), liked("a")).then(training_set=["a"], approval={"a": "feedback"})

    def test_approval_does_not_lift_a_filter(self) -> None:
        given(captured("a", source="error"), approved("a"), liked("a")).then(why={"a": ["excluded_source"]})


class TestCorrections:
    """An answer that was corrected is never trained on as a good answer."""

    def test_a_correction_takes_the_place_of_the_example_it_names(self) -> None:
        given(captured("a"), approved("a"), corrected("a", wrong="something else")).then(
            training_set=["fix-a"], why={"a": ["superseded_by fix-a"]}
        )

    def test_a_correction_that_names_no_example_supersedes_the_same_words(self) -> None:
        given(captured("a"), captured("b"), approved("a"), liked("b"), corrected(None)).then(
            training_set=["fix"], why={"a": ["superseded_by fix"], "b": ["superseded_by fix"]}
        )

    def test_the_corrected_answer_stays_out_when_it_is_captured_again(self) -> None:
        given(corrected(None), captured("a"), approved("a")).then(
            training_set=["fix"], why={"a": ["superseded_by fix"]}
        )

    @pytest.mark.parametrize(("prompt", "answer", "is_same"), SAVED)
    def test_a_correction_finds_its_answer_however_it_was_saved(self, prompt: str, answer: str, is_same: bool) -> None:
        story = given(captured("a", ASKED, SAID), liked("a"))
        correction = corrected(None, prompt=prompt, wrong=answer)
        reason = "superseded_by fix" if is_same else "duplicate_of fix"
        story.when(correction).then(why={"a": [reason]})
        given(correction, captured("a", ASKED, SAID), liked("a")).then(why={"a": [reason]})
        swapped = given(captured("a", prompt, answer), liked("a"), corrected(None, prompt=ASKED, wrong=SAID))
        swapped.then(why={"a": [reason]})

    def test_an_older_policy_compares_exactly_the_same_texts(self) -> None:
        older = policy(duplicates={"same_words": False})
        story = given(captured("a"), liked("a"), corrected(None, wrong=f"{ANSWER}\n"))
        story.when(adopted(older)).then(why={"a": ["duplicate_of fix"]})
        story.when(adopted(older), adopted(policy())).then(why={"a": ["superseded_by fix"]})

    def test_a_redacted_answer_is_found_by_the_words_first_said(self) -> None:
        story = given(captured("a", response=ANSWER + SUPPLIER), approved("a"), redacted("a"))
        story.when(corrected(None, wrong=f"{ANSWER}{SUPPLIER}\r\n")).then(why={"a": ["superseded_by fix"]})

    @pytest.mark.parametrize("exactly", [False, True])
    def test_an_erased_correction_knows_what_its_tombstone_says(self, exactly: bool) -> None:
        story = given(captured("a"), approved("a"), corrected(None, wrong=f"{ANSWER}\n"))
        story.then(why={"a": ["superseded_by fix"]})
        story.when(Erase("fix", exactly=exactly)).then(why={"a": [] if exactly else ["superseded_by fix"]})

    def test_another_answer_to_the_corrected_question_is_not_superseded(self) -> None:
        given(captured("a", response=BETTER + " Always."), corrected(None), approved("a")).then(
            why={"a": ["duplicate_of fix"]}
        )

    def test_the_latest_correction_is_named(self) -> None:
        given(
            captured("a"), liked("a"), corrected("a", id="one"), corrected("a", BETTER + "!", id="two", minute=1)
        ).then(training_set=["two"], why={"a": ["superseded_by two"], "one": ["duplicate_of two"]})

    def test_a_correction_of_a_correction_supersedes_it(self) -> None:
        best = BETTER + " Always."
        given(corrected(None, id="one"), corrected("one", best, wrong=BETTER, id="two")).then(
            training_set=["two"], why={"one": ["superseded_by two"]}
        )

    def test_a_later_correction_of_the_same_words_supersedes_a_correction(self) -> None:
        best = BETTER + " Always."
        given(corrected(None, id="one"), corrected(None, best, wrong=BETTER, id="two")).then(
            training_set=["two"], why={"one": ["superseded_by two"]}
        )

    def test_a_later_correction_may_restore_the_text(self) -> None:
        """The restored text is trained on as the later correction; the capture of it stays superseded."""
        story = given(
            captured("a"), liked("a"), corrected("a"), corrected("fix-a", ANSWER, wrong=BETTER, id="restored")
        )
        story.then(training_set=["restored"], why={"a": ["superseded_by fix-a"], "fix-a": ["superseded_by restored"]})

    def test_a_rejected_correction_still_marks_the_answer_as_wrong(self) -> None:
        given(captured("a"), approved("a"), corrected("a"), rejected("fix-a")).then(
            training_set=[], why={"a": ["superseded_by fix-a"], "fix-a": ["rejected"]}
        )

    def test_an_example_known_to_be_corrected_elsewhere_stays_out(self) -> None:
        given(captured("a", was_corrected=True), approved("a")).then(why={"a": ["superseded_by"]})

    @pytest.mark.parametrize("order", ["redacted first", "corrected first"])
    def test_a_correction_with_a_link_holds_through_a_redaction(self, order: str) -> None:
        facts = [redacted("a", response=ANSWER + " Questions go to [email]."), corrected("a", wrong=ANSWER + SUPPLIER)]
        story = given(captured("a", response=ANSWER + SUPPLIER), approved("a"))
        story.when(*(facts if order == "redacted first" else facts[::-1])).then(why={"a": ["superseded_by fix-a"]})

    def test_a_wrong_answer_stays_out_when_it_is_redacted(self) -> None:
        wrong, name = ANSWER + SUPPLIER, " asks bo@example.com"
        story = given(captured("a", PROMPT + name, wrong), corrected(None, wrong=wrong, prompt=PROMPT + name))
        story = story.when(approved("a"), redacted("a", PROMPT + " asks [email]", ANSWER))
        story.then(training_set=[], why={"a": ["superseded_by fix"]})


class TestDuplicates:
    """One example a question: the best, then the newest."""

    CONTENDERS = (
        captured("trusted", source="verified_calculation", minute=5),
        captured("liked", minute=4),
        liked("liked"),
        captured("approved", minute=3),
        approved("approved"),
        corrected(None, wrong="Any height will do for a flashing.", id="fix", minute=2),
    )

    def test_a_correction_beats_everything(self) -> None:
        lost = {name: ["duplicate_of fix"] for name in ("trusted", "liked", "approved")}
        given(*self.CONTENDERS).then(training_set=["fix"], why=lost)

    def test_when_the_winner_is_rejected_the_runner_up_gets_in(self) -> None:
        story = given(*self.CONTENDERS)
        story.when(rejected("fix")).then(training_set=["approved"])
        story.when(rejected("fix"), rejected("approved")).then(training_set=["liked"])
        story.when(rejected("fix"), rejected("approved"), rejected("liked")).then(training_set=["trusted"])

    def test_a_winner_that_comes_back_takes_its_place_again(self) -> None:
        given(*self.CONTENDERS, rejected("fix"), approved("fix")).then(training_set=["fix"])

    def test_among_equals_the_newest_moment_is_kept(self) -> None:
        newest, older = captured("newest", minute=9), captured("older", minute=1)
        given(newest, older, liked("newest"), liked("older")).then(
            training_set=["newest"], why={"older": ["duplicate_of newest"]}
        )

    def test_among_equals_of_one_moment_the_last_sequence_is_kept(self) -> None:
        given(captured("a"), captured("b"), liked("b"), liked("a")).then(training_set=["b"])

    def test_the_old_stores_copy_of_a_correction_ranks_as_one(self) -> None:
        copy, newer = captured("copy", source="verified_correction"), captured("newer", minute=9)
        given(copy, newer, approved("newer")).then(training_set=["copy"], why={"newer": ["duplicate_of copy"]})

    def test_only_what_would_be_trained_on_competes(self) -> None:
        given(captured("a"), captured("b", minute=1), liked("a")).then(training_set=["a"], why={"b": ["not_approved"]})

    def test_a_redaction_moves_an_example_to_its_new_question(self) -> None:
        story = given(captured("a"), captured("b", OTHER_PROMPT, minute=1), liked("a"), liked("b"))
        story.then(training_set=["a", "b"])
        story.when(redacted("b", PROMPT)).then(training_set=["b"], why={"a": ["duplicate_of b"]})
        story.when(redacted("b", PROMPT), redacted("b", OTHER_PROMPT)).then(training_set=["a", "b"])

    def test_case_white_space_and_closing_punctuation_make_no_other_question(self) -> None:
        spaced = [f"  {PROMPT}\n", PROMPT.replace(" ", "\t ")]
        same = [PROMPT.upper(), PROMPT.rstrip("?"), PROMPT + "?!", PROMPT + " ...", *spaced, PROMPT]
        trusted = [captured(f"e{n}", prompt, source="verified_calculation") for n, prompt in enumerate(same)]
        given(*trusted).then(training_set=["e6"], why={f"e{n}": ["duplicate_of e6"] for n in range(6)})

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Is “TPO” the roofer’s choice?", 'Is "TPO" the roofer\'s choice?'),
            ("Is a caf\u00e9 roof flat?", "Is a cafe\u0301 roof flat?"),
        ],
        ids=["quotes", "composed accents"],
    )
    def test_the_way_a_character_is_written_makes_no_other_question(self, one: str, other: str) -> None:
        given(captured("a", one), captured("b", other), liked("a"), liked("b")).then(training_set=["b"])

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Is 5.5 inches of roof insulation enough?", "Is 55 inches of roof insulation enough?"),
            ("Does the roof deck slope 5%?", "Does the roof deck slope 5?"),
            ("Is the roof deck a 3/12 slope?", "Is the roof deck a 312 slope?"),
            ("Is -5 fine for a roof weld?", "Is 5 fine for a roof weld?"),
            ("Is TPO roofing welded?", "Is PVC roofing welded?"),
        ],
    )
    def test_what_changes_the_meaning_makes_another_question(self, one: str, other: str) -> None:
        given(captured("a", one), captured("b", other), liked("a"), liked("b")).then(training_set=["a", "b"])

    def test_a_no_break_space_makes_no_other_question(self) -> None:
        pasted = PROMPT.replace(" ", "\u00a0")
        given(captured("a"), captured("b", pasted), liked("a"), liked("b")).then(training_set=["b"])


def test_a_verdict_is_of_the_policy_that_holds_now() -> None:
    doubt = policy(approval={"positive_feedback": False, "trusted_sources": [], "used_documents": []})
    facts = (
        captured("a"),
        liked("a"),
        document("b", prompt=OTHER_PROMPT),
        corrected(None, prompt="Which EPDM roof tape?"),
    )
    given(*facts, adopted(doubt)).then(training_set=[])


class TestTrust:
    """What an untrusted caller claims approves nothing, and what it disputes waits for a reviewer."""

    @pytest.mark.parametrize("source", ["verified_calculation", "verified_correction", "user_correction"])
    def test_a_trusted_source_approves_only_for_trusted_callers(self, source: str) -> None:
        given(captured("a", source=source)).then(training_set=["a"], approval={"a": "trusted_source"})
        given(captured("a", source=source, untrusted=True)).then(training_set=[], why={"a": ["not_approved"]})

    def test_a_document_that_an_untrusted_caller_says_was_used_waits(self) -> None:
        given(document("a")).then(training_set=["a"], approval={"a": "use"})
        waiting = given(document("a", untrusted=True))
        waiting.then(training_set=[], why={"a": ["not_approved"]})
        waiting.when(approved("a")).then(training_set=["a"], approval={"a": "reviewer"})

    def test_a_thumbs_up_on_ones_own_capture_approves_nothing(self) -> None:
        given(captured("a"), liked("a", untrusted=True)).then(training_set=[], why={"a": ["not_approved"]})
        given(captured("a"), liked("a")).then(training_set=["a"], approval={"a": "feedback"})
        given(captured("a"), liked("a", untrusted=True, actor="bo")).then(training_set=["a"])

    def test_ones_own_thumbs_up_takes_no_complaint_back(self) -> None:
        story = given(captured("a"), disliked("a"), liked("a", untrusted=True))
        story.then(training_set=[], queue=[("a", "negative_feedback")])

    def test_an_untrusted_correction_is_approved_by_a_reviewer_only(self) -> None:
        story = given(captured("a"), corrected("a", untrusted=True))
        story.then(training_set=[], why={"a": ["superseded_by fix-a", "not_approved"], "fix-a": ["not_approved"]})
        story.when(approved("fix-a")).then(training_set=["fix-a"])

    def test_a_disputed_approval_waits_in_front_until_somebody_decides(self) -> None:
        story = given(captured("a"), approved("a"), corrected("a", untrusted=True))
        story.then(
            training_set=[],
            why={"a": ["superseded_by fix-a"], "fix-a": ["not_approved"]},
            queue=[("fix-a", "correction"), ("a", "correction")],
        )
        assert examples.queue(story.reader)["items"][1]["because"][0] == "it was approved, and fix-a disputes it"
        story.when(approved("a")).then(training_set=["a"], queue=[("fix-a", "correction")])
        story.when(rejected("fix-a")).then(training_set=["a"], queue=[])
        story.when(approved("fix-a")).then(training_set=["fix-a"], queue=[])
        story.when(rejected("a")).then(training_set=[], queue=[("fix-a", "correction")])
        story.when(rejected("fix-a"), reopened("fix-a")).then(training_set=[])

    def test_a_dispute_is_found_by_words_and_by_id(self) -> None:
        for dispute in (corrected(None, untrusted=True), corrected("a", wrong="Other words.", untrusted=True)):
            story = given(captured("a"), approved("a"), dispute)
            story.then(training_set=[])
            story.when(rejected(dispute.event_id)).then(training_set=["a"])

    def test_another_dispute_after_a_decision_counts_again(self) -> None:
        story = given(captured("a"), corrected("a", untrusted=True), approved("a"))
        story.then(training_set=["a"])
        again = corrected("a", f"{BETTER} Always.", id="again", untrusted=True)
        story.when(again).then(training_set=[], why={"a": ["superseded_by again"]})

    def test_a_policy_lets_a_disputed_approval_stand(self) -> None:
        stand = adopted(policy(review={"disputed": "stand"}))
        story = given(captured("a"), approved("a"), corrected("a", untrusted=True), stand)
        story.then(training_set=["a"], why={"fix-a": ["not_approved"]}, queue=[("fix-a", "correction")])

    def test_an_erased_dispute_keeps_the_answer_out(self) -> None:
        story = given(captured("a"), approved("a"), corrected("a", untrusted=True))
        story.when(Erase("fix-a")).then(training_set=[], why={"a": ["superseded_by fix-a"]})
        of_other_words = given(captured("a"), approved("a"), corrected("a", wrong=BETTER, untrusted=True))
        of_other_words.when(Erase("fix-a")).then(training_set=[], why={"a": ["superseded_by fix-a"]})
