"""Phrasing: a settled text without courtesies at its ends, and with common ways to write an amount in one way.

The second version of the rules reads what this leaves. Every pattern is bounded, so work grows with the text.
"""

from __future__ import annotations

import re

_PEOPLE = (
    r"(?: (?:there|all|team|everyone|everybody|folks|guys|gents|ladies|mate|man|bud|buddy|boss|chief|friend|sir|again"
    r"|[a-z]{2,12}(?=[,!\n])))"
)
_A_QUESTION = (
    r"(?:(?:just|real|a|one|another|got a|have a|i have a|i've got a) ){0,3}"
    r"(?:quick|dumb|stupid|silly|simple|basic|newbie|short|small|random|follow[ -]up) (?:question|one|q|thing)"
    r"(?: (?:for you|here|about this))?|(?:question|q)(?: for you)?(?=[,.!:;-])"
)
_BY_THE_WAY = (
    r"please|pls|plz|kindly|so|well|ok|okay|alright|um|uh|hmm|also|and|btw|by the way|just curious|just wondering"
    r"|out of curiosity"
)
_GREETING = (
    rf"(?:hi|hello|hey|heya|hiya|howdy|yo|g'?day|greetings|dear|hola|sup){_PEOPLE}{{0,2}}"
    rf"|(?:good )?(?:morning|afternoon|evening)(?=[,.!:;-]| (?:all|team|everyone|folks|guys)){_PEOPLE}{{0,2}}"
    rf"|good (?:morning|afternoon|evening|day){_PEOPLE}{{0,2}}"
    r"|(?:hope|trust) (?:this|you|all|everyone|everything)[a-z ']{0,40}"
    r"|(?:sorry|apologies|excuse me|pardon me|pardon)(?: (?:to|for|if) [a-z ']{3,40}(?=[,.!:;-]))?"
    r"|(?:thanks|thank you|many thanks)(?: in advance)?(?=[,.!:;-])"
    rf"|{_A_QUESTION}|(?:{_BY_THE_WAY})(?=[,.!:;-])"
)
_OPENING = re.compile(rf"(?:(?:{_GREETING})(?![\w'])[\s,.!:;-]*){{1,4}}(?=\w)")
_THANKS = (
    r"(?:please and |many |much |a lot of )?(?:thanks|thank you|thankyou|thx|thnx|tks|ty|tia|cheers|ta|appreciated)"
    r"|(?:(?:best|kind|warm) )?(?:regards|wishes)|sincerely"
    r"|(?:(?:i|we|i'd|we'd|would|much|really|greatly) ){0,4}appreciated?"
    r"|(?:have|enjoy) an? (?:nice|good|great) (?:day|one|weekend|evening)"
    r"|(?<=[.!?:;-] )(?:any (?:help|advice|guidance|input|info|ideas|thoughts)|let me know|looking forward)"
)
_PLEASE = (
    r"(?:please|pls|plz|kindly)(?: (?:advise|help|let me know|confirm|explain|respond|reply))?|let me know|sorry"
    r"|(?:i'm |am )?just (?:asking|curious|wondering|checking)|asking for a friend"
)
_CLOSING = re.compile(
    rf"(?<=[\s,.!?:;-])(?:(?:{_THANKS})(?![\w'])(?:[ ,.!\n-]+[a-z']{{1,14}}){{0,6}}|{_PLEASE})(?![\w'])[\s.,!?:;)-]*$"
)
_COURTEOUS = {
    *("thanks", "thank", "thankyou", "thx", "thnx", "tks", "ty", "tia", "cheers", "ta", "appreciated", "appreciate"),
    *("regards", "wishes", "sincerely", "have", "enjoy", "any", "let", "looking", "please", "pls", "plz", "kindly"),
    *("sorry", "just", "asking"),
}
"""One of these is in every closing."""
_MARKS = str.maketrans(",.!?:;()-\n", " " * 10)
_TAIL = 100
"""Characters at the end of a text in which a closing is looked for."""
_CLOSINGS = 3

_LEGS = re.compile(r"\b(sq|cu)\. ?(ft|in|yd)\b\.?")
_LINEAR = re.compile(r"\b(?:lin|linear|lineal|running)\b\.? ?(?:ft\b\.?|feet\b|foot\b)")
_THOUSANDTHS = re.compile(r"(?<![\w.,])0?\.0(\d\d)(?!\d)(?: ?(?:-? ?inch(?:es)?\b|in\b\.?|\"))?")
_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,3})k\b")
_RATE = re.compile(
    r"(?:(?:\b(?:in|per|each|every)|/) ?(?:(?:1|one|an?|single|each) )?|(?<!half )\ban? )(day|hour|week|month)\b"
)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_ORDERED = ("type", "class", "grade", "phase", "category", "zone", "level")
_DIGITS_K = tuple(f"{digit}k" for digit in range(10))
_NUMBERED = re.compile(rf"\b({'|'.join(_ORDERED)})[ -]({'|'.join(_ROMAN)})\b")
_RATING = re.compile(r"\b(\d-\d{2,3}) in (?=[a-z])")
_CREW = re.compile(r"\b(\w{1,8})[ -](?:man|men|person|people|worker|member|guy|guys)[ -](crew|team|gang)\b")


def plain(text: str) -> str:
    """A settled text without greeting and thanks, rates and amounts spelt in one way."""
    if opening := _OPENING.match(text):
        text = text[opening.end() :]
    for _ in range(_CLOSINGS):
        start = max(0, len(text) - _TAIL)
        if _COURTEOUS.isdisjoint(text[start:].translate(_MARKS).split()):
            break
        closing = _CLOSING.search(text, start)
        if closing is None or not closing.start():
            break
        text = text[: closing.start()]
    if ". " in text or ".f" in text:
        text = _LEGS.sub(r"\1 \2", text)
    if "lin" in text or "running" in text:
        text = _LINEAR.sub("lf", text)
    if ".0" in text:
        text = _THOUSANDTHS.sub(lambda m: f"{int(m[1])} mil", text)
    if any(map(text.__contains__, _DIGITS_K)):
        text = _THOUSANDS.sub(r"\g<1>000", text)
    if "day" in text or "hour" in text or "week" in text or "month" in text:
        text = _RATE.sub(r" per \1", text)
    if any(map(text.__contains__, _ORDERED)):
        text = _NUMBERED.sub(lambda m: f"{m[1]} {_ROMAN[m[2]]}", text)
    if "-" in text and " in " in text:
        text = _RATING.sub(r"\1 ; ", text)
    if "crew" in text or "team" in text or "gang" in text:
        text = _CREW.sub(r"\2 of \1", text)
    return text
