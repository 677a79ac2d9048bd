"""Numbers of people that carry a label, and telephones and streets of Britain and Australia, as the second rules find
them.

Numbering plans: Ofcom's National Telephone Numbering Plan and the Telecommunications Numbering Plan of Australia. A
metadata library that changes every fortnight would judge one text in two ways, so the plans stand here.
"""

from __future__ import annotations

import re

from .personal_data_checks import COUNT_WORD, UNIT, after, before, is_address, is_said_before, names_thing

_IS = r"[^\w\n]{0,4}(?:(?:is|was|reads|no|num|number|nr)\b[^\w\n]{0,3}){0,2}"
"""What may stand between a label and its number."""

LABELLED_SSN = re.compile(
    r"(?i)\b(?:ssns?|ss (?:no\b\.?|number|#)|ss#|social security(?: (?:no\b\.?|number|card))?|social)"
    r"[^\d\n]{0,20}(?P<data>\d{3}(?P<gap>[-. ]?)\d{2}(?P=gap)\d{4})(?![\w-])"
)
LABELLED_CARD = re.compile(
    r"(?i)\b(?:(?:credit|debit|bank) card|card|visa|mastercard|amex|american express)(?: (?:no\b\.?|number|#))?"
    r"[^\d\n]{0,15}(?P<data>\d{4}(?:[ -]?\d{4}){3}|\d{4}[ -]?\d{6}[ -]?\d{5})(?![\w-])"
)
PASSPORT = re.compile(rf"(?i)\bpassport{_IS}(?P<data>(?:[A-Z]{{1,2}} ?)?\d{{6,9}}[A-Z]?)(?![\w-])")
NATIONAL_INSURANCE = re.compile(
    rf"(?i)\b(?:national insurance|nino|ni (?:no\b|num\b|number)){_IS}"
    r"(?P<data>[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)"
)
NATIONAL_INSURANCE_ALONE = re.compile(
    r"(?<![\w-])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d\d \d\d \d\d [A-D](?![\w-])"
)
TAX_OR_HEALTH = re.compile(
    rf"(?i)\b(?:tfn|tax file|sin|social insurance|medicare|nhs){_IS}"
    r"(?P<data>\d{3}[ -]?\d{3}[ -]?\d{3,4}|\d{3} ?\d{3} ?\d{2}|\d{4} ?\d{5} ?\d)(?![\w-])"
)
DRIVING_LICENCE = re.compile(
    rf"(?i)\b(?:driv(?:er|ing)['\u2019]?s?['\u2019]? licen[cs]e|dl ?(?:#|no\b|number)){_IS}[#]?"
    r"(?P<data>[A-Z0-9]{1,17}(?:-[A-Z0-9]{2,6}){0,3})(?![\w-])"
)

PHONE_ABROAD = re.compile(
    r"(?<![\w.,#/-])(?:"
    r"00 ?(?:44|61|64|353)[ -]?(?:\(0\)[ -]?)?\d{1,4}(?:[ -]?\d{3,4}){2}"
    r"|\(?0\d{1,4}\)?(?:[ .-]?\d{3,8}){1,2}"
    r"|1[38]00[ -]\d{3}[ -]\d{3})"
    r"(?![\w-])(?!\.\d)"
)
_PLAN = re.compile(
    r"07[1-9]\d{2}[ -]\d{6}|07[1-9]\d{2}[ .-]\d{3}[ .-]\d{3}|(?:07[1-9]\d|020[3478])[ -]\d{3}[ -]\d{4}"
    r"|(?:\(02[03489]\)|02[03489])[ -]?\d{4}[ -]\d{4}|\(02[03489]\)[ -]?\d{8}"
    r"|(?:\(01(?:\d1|1\d)\)|01(?:\d1|1\d))[ -]?\d{3}[ -]\d{4}"
    r"|(?:\(01\d{3}\)|01\d{3})(?: \d{5,6}|[ -]\d{3}[ -]\d{3})"
    r"|(?:\(0[38]\d\d\)|0[38]\d\d)[ -]\d{3}[ -]\d{3,4}|0800[ -]\d{6}"
    r"|04\d\d[ .-]\d{3}[ .-]\d{3}|04[ -]\d{4}[ -]\d{4}|0[2378] \d{8}|(?:\(0[2378]\)[ -]?|0[2378][ -])\d{4}[ -]\d{4}"
    r"|1[38]00[ -]\d{3}[ -]\d{3}|00 ?(?:44|61|64|353)[ -].*"
)
"""British numbers, Australian ones, and both with the prefix of a call abroad, in their usual groups."""

_NAMED = r"(?:(?:Ma?c|O['\u2019]|De|Le|La)?[A-Z][a-z]+(?:['\u2019]s)?|St\.)"
_SURE = "Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Bvd|Court|Ct"
_MAYBE = (
    "Close|Cl|Crescent|Cres|Cr|Grove|Gr|Gardens|Gdns|Mews|Square|Sq|Hill|Parade|Pde|Row|Walk|Rise|Green|Park|View|Vale"
    "|Croft|Wharf|Quay|Embankment|Broadway|Esplanade|Esp|Circuit|Cct|Terrace|Tce|Place|Pl|Way|Loop|Parkway|Highway|Hwy"
)
STREETS = f"{_SURE}|{_MAYBE}"
STREET_ABROAD = re.compile(
    r"(?<![\w./-])(?:\d{1,4}[A-Za-z]?/)?\d{1,5}(?:[A-Za-z]|-\d{1,5})?,? (?:"
    rf"(?P<sure>{_NAMED}(?: {_NAMED}){{0,2}} (?:{_SURE})\b\.?)"
    rf"|{_NAMED}(?: {_NAMED}){{0,2}} (?:{_MAYBE})\b\.?|The (?:{_MAYBE}|Avenue|Street|Drive|Lane)\b)"
)
_POSTCODE = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b(?:NSW|VIC|Vic|QLD|Qld|WA|SA|TAS|Tas|ACT|NT),? ?\d{4}\b"
    r"|\b[A-Z]\d[A-Z] \d[A-Z]\d\b|\b[A-Z]{2},? \d{5}\b"
)
_NUMBERED_PART = re.compile(
    r"(?i)\b(?:sheet|building|bldg|detail|level|type|phase|column|line|section|figure|table|use|item|note|page|plan|step"
    r"|floor|zone|area|drain|bay|grid|option|alternate|division) ?$"
)
_LIVED_AT = re.compile(
    r"(?i)\b(?:liv(?:e|es|ed|ing)|reside[sd]?|address|home|house|property|premises|tenant|homeowner|owner|customer|client"
    r"|flat|apartment|apt|deliver(?:ed|y)?|visit|located|survey(?:ed)?|roof|leak|meet(?: me)?|come|job|site)"
    r"(?: \w{1,12}){0,2}(?: (?:at|to|on|is)|:|,)? ?(?:(?:flat|unit|apt|apartment|no\.?) ?\d{0,4}[a-z]?,? ?)?$"
)


def is_labelled(match: re.Match[str]) -> bool:
    """The number is no example of zeros or of one digit."""
    return len(set(re.sub(r"\D", "", match["data"]))) > 1


def is_licence(match: re.Match[str]) -> bool:
    """At least five digits."""
    return len(re.findall(r"\d", match["data"])) >= 5


def is_phone_abroad(match: re.Match[str]) -> bool:
    """In groups of a numbering plan, no number of a thing and no count."""
    if not _PLAN.fullmatch(match[0]) or names_thing(match):
        return False
    return not UNIT.match(after(match)) and not is_said_before(match, COUNT_WORD)


def is_street(match: re.Match[str]) -> bool:
    """An address, and no part of a building or a drawing that has a number."""
    return bool(is_address(match)) and _NUMBERED_PART.search(before(match, 20)) is None


def is_street_abroad(match: re.Match[str]) -> bool:
    """A street by its kind, or one that a postcode or the words before it make an address."""
    text, end = match.string, match.end()
    if not is_street(match):
        return False
    if match["sure"]:
        return True
    behind = text[end : end + 60]
    return bool(_POSTCODE.search(behind.split("\n")[0])) or bool(
        _LIVED_AT.search(text[max(0, match.start() - 60) : match.start()])
    )
