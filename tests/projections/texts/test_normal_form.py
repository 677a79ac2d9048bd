"""The normal form of a prompt, in which surface edits vanish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.policy.rules import LATEST
from projections.texts.normal_form import normalise
from projections.texts.word_facts import facts
from projections.texts.words import _PLAINLY_SPELLED, _SPELLED_WORDS, _WORD, UNITS, _numbered, _read, _settled, words
from tests.deadlines import assert_linear


@pytest.mark.parametrize(
    ("prompt", "normal"),
    [
        ("What is the minimum slope for a TPO roof?", "minimum slope tpo"),
        ("hey, can you please tell me whats the min. slope for T.P.O. roofs??", "minimum slope tpo"),
        ("minumum slpoe for thermoplastic polyolefin", "minimum slope tpo"),
        ('½ inch, 1/2", .5 in., half an inch and a half-inch', "0.5in 0.5in 0.5in 0.5in 0.5in"),
        ('2½", 2-1/2 in, two and a half inches', "2.5in 2.5in 2.5in"),
        ("60 mil, 60-mil, 60mil or sixty mils", "60mil 60mil 60mil 60mil"),
        ("Okay, how do I flash a pipe?", "how flashing pipe"),
        ("Is OSB okay?", "osb can"),
        ("Is the crew allowed on the slate?", "crew can slate"),
        ("Can one walk on slate while it rains?", "can walk slate rain"),
        ("one layer of ISO per the National Roofing Contractors Association", "1layer polyiso nrca"),
        ("slopes over 21/12", "slope above pitch21"),
        ("a 150 sq. tear-off", "150sq tearoff"),
        ("Did the GC approve it?", "general contractor approve did"),
        ("60 and 80 mil", "60mil 80mil"),
        ("Section 07 54 00, 075400", "sec075400 sec075400"),
        ('1/4:12, 1/4" per foot, 1/4 in 12', "pitch0.25 pitch0.25 pitch0.25"),
        ("2 in a row", "#2 row"),
        ("down to -5 °F, minus 5 F", "down negative 5degf negative 5degf"),
        ("3-5 in., 3 - 5 in. and (-5 F)", "3in 5in 3in 5in negative 5degf"),
        ("FM 1-90", "fm #1 90"),
        ("Class A, class-a", "class0a class0a"),
        ("a vapour retarder, a vapor-retarder", "vaporretarder vaporretarder"),
        ("300 LF, 300 lineal feet or 300 linear foot", "300ft 300ft 300ft"),
        ("modified bitumen, mod-bit, modbit", "modbit modbit modbit"),
        ("can't, cannot, can not, cant", "can not can not can not can not"),
        ("w/o a skylight, without sky-lights", "without skylight without skylight"),
        ("i/o and and/or '' ' \"", "io"),
        ("1/0 inch", "#1 0in"),
        ("please", "please"),
        ("???", "???"),
        ("", "##"),
        ("\ud800", "#\ud800"),
        ("屋根の勾配", "屋根の勾配"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_the_first_normal_form(prompt: str, normal: str) -> None:
    assert normalise(prompt, 1) == normal


@pytest.mark.parametrize(
    ("prompt", "normal"),
    [
        ("What is the minimum slope for a TPO roof?", "minimum slope tpo roof"),
        ("Hi Dave, what is the minimum slope for TPO roofing? Many thanks, Tom", "minimum slope tpo roof"),
        (
            "Good morning! Quick question: whats the minimum slope of a tpo roof, please advise",
            "minimum slope tpo roof",
        ),
        ("Morning dew on a roof top", "morning dew roof"),
        ("500 lin. ft., 500 LF or 500 linear ft", "500ft 500ft 500ft"),
        (".045 EPDM, 0.045 inch EPDM, 45 mil EPDM", "45mil epdm 45mil epdm 45mil epdm"),
        ("a 20k sq ft roof", "20000sqft roof"),
        ("squares per day, in one day, daily, a day", "square daily daily daily daily"),
        ("a five man crew, a crew of 5", "crew #5 crew #5"),
        ("type II, type 2", "#2 #2"),
        ("gallons per square, gal/square", "gallon square gallon square"),
        ("two layres, two layers", "2layer 2layer"),
        ("Can you tell me where the pipe boot goes", "where pipeboot"),
        ("Which sealant where the pipe meets the deck?", "sealant pipe meet deck"),
        ("When should I prime?", "when prime"),
        ("thanks", "thanks"),
        ("Hi", "hi"),
    ],
)
def test_the_second_normal_form(prompt: str, normal: str) -> None:
    assert normalise(prompt, 2) == normal


@pytest.mark.parametrize(
    "unit", ["x", "a.", "from ", "over tpo under ", "12 in ", '"', "1/", "hi ", "thanks, ", "in one ", "new old "]
)
def test_a_long_text_costs_no_more_than_its_length(unit: str) -> None:
    """One hostile capture must not stop the projector: ten times the text takes ten times as long, not a hundred."""
    assert_linear(lambda characters: facts(normalise(unit * (characters // len(unit)), LATEST)), 40_000)


_PIECES = [*sorted(_SPELLED_WORDS), *sorted(UNITS), "5", "1/2", "12", ":", "-", "no", "x", "per", "a", '"', "$", "of"]


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join))
def test_a_number_word_amid_others_stays_a_word(text: str) -> None:
    """So a text with one needs not be read first as if it had none."""
    if _PLAINLY_SPELLED.search(text):
        assert not _SPELLED_WORDS.isdisjoint(_WORD.findall(_numbered(text)))


_PHRASES = [
    *("not in excess of", "more than", "no less than", "over", "miles per hour", "sq. ft", "linear feet", "degrees f"),
    *("inch per foot", "in a foot", "in the", "ft x", "in feet by", "x", "and", "vs.", "through", "and a half", "in"),
    *("half of an inch", "quarters in", "class a", "type ii", "which one", "can one", "one of", "twenty", "five"),
    *("5", "12", "1/2", "6mm", "...", "-5", "07 54 23", "60mil", "r-30", "4:12", "5by6", "and/or", "no."),
    *("es", "section", "deck", "roof", "membrane,", "drain.", "the", "", "\n", '"', "re-roof", "u.s.", "\0"),
]


@given(st.lists(st.sampled_from(_PHRASES), max_size=10).map(" ".join))
def test_what_is_far_from_numbers_needs_no_rule(text: str) -> None:
    assert words(text) == [word for word in _read(_settled(text)) if word != "\0"]
