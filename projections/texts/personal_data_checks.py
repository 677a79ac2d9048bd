"""Whether a match is the real thing: check digits, numbering plans, randomness, and the words around it."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import groupby
from operator import itemgetter


def _any_of(words: str) -> str:
    """An expression of some words, those of one initial together: most places in a text are the start of none."""
    by_initial = groupby(sorted(words.split("|")), key=itemgetter(0))
    return "|".join(f"{initial}(?:{'|'.join(word[1:] for word in alike)})" for initial, alike in by_initial)


_THINGS = _any_of(
    r"lot|part|p/n|pn|model|serial|s/n|sn|batch|item|sku|upc|isbn|po|p\.o\.|purchase order|order|rfi|pco"
    r"|sample|specimen|core|barcode|id"
    r"|invoice|inv|job|project|permit|license|lic|catalog|cat|asset|tag|drawing|dwg|sheet|detail|report|roll|pallet"
    r"|spec|section|product|warranty|tracking|ticket|quote|bid|parcel|apn|account|style|color|code|noa|fl|evaluation"
    r"|esr|guarantee|policy|claim|material|heat|ref|reference|control|registration|stock|mfr|certificate"
)
NUMBERED_THING = re.compile(
    rf"(?i)(?<!\w)(?=\w)(?:(?=[^\W\d_])(?:{_THINGS})"
    r"|(?=\w{2,}+ n)(?!card|visa|amex|mastercard|mc|phone|tel|cell|mobile|fax|sec|ssn|call)\w{2,}+ (?:no|nr)s?\.)s?"
    r"(?: ?(?:no|num|number|id|code)s?\b\.?|)[ :.=#]{0,4}"
    r"(?:[A-Z]{0,3}[\d.-]{3,20}(?:, ?|; ?| ?/ ?| and | or | to | )){0,4}$"
)
"""Says that the number after it, or a short list of numbers, names a thing."""
PHONE_WORD = re.compile(
    r"(?i)\b(?:call(?! outs?\b)|phone|telephone|tel|cell|cellphone|mobile|fax|text|dial|reach|whatsapp|sms|ring"
    r"|callback|hotline|ph|mob|contact|t\u00e9l|t\u00e9l\u00e9phone|telefon|tel\u00e9fono|m\u00f3vil|mobil|handy"
    r"|anrufen|rufen|r?appele[rz]|llam[ae]r?|bellen"
    r"|(?:my|his|her|our|your|their) number"
    r"|(?:try|catch|ping|get|get hold of)\b[^\d\n]{1,30}\b(?:on|at))\b[^\d\n]{0,30}$"
)
SSN_WORD = re.compile(r"(?i)\b(?:(?:ssn|ss no|social security|social)\b|ss ?#)[^\d\n]{0,25}$")
COUNT_WORD = re.compile(
    r"(?i)\b(?:counts?|quantit(?:y|ies)|qty|areas?|totals?|readings?|reads?|values?|measurements?|take-?offs?|dimensions?"
    r"|loads?|sizes?|lengths?|widths?|elevations?|sequence|results?)\b[^\d\n]{0,25}$"
)
"""Says that the number after it was counted or measured."""
UNIT = re.compile(
    r"(?i)^ ?(?:sf|sq|lf|lbs?|lbf|plf|pounds|kips?|cfm|btu|ft|feet|in\b(?! ?[a-z])|inch|inches|mm|cm|m|psf|psi|kg"
    r"|squares?|bundles?|rolls?|sheets?|boards?|pcs"
    r"|pieces|units?|fasteners?|screws?|plates|usd|dollars|gal|gallons?|mil)\b|^ ?[\"'%]"
)


def data_group(pattern: re.Pattern[str]) -> int | str:
    """The part of a match that is the data: the group called `data` if there is one, else all of it."""
    return "data" if "data" in pattern.groupindex else 0


def before(match: re.Match[str], length: int = 90) -> str:
    """So many characters before a match at most."""
    return match.string[max(0, match.start() - length) : match.start()]


_FIGURES = re.compile(r"(?s).*[\d\n]")


def is_said_before(match: re.Match[str], words: re.Pattern[str]) -> bool:
    """Whether words that hold neither digits nor line ends, nor have any behind them, stand before a match."""
    text = before(match)
    figures = _FIGURES.match(text)
    return words.search(text, figures.end() if figures else 0) is not None


def names_thing(match: re.Match[str]) -> bool:
    """Whether the words before a match make it the number of a thing; without letters there are no words."""
    text = before(match)
    return text.lower() != text.upper() and NUMBERED_THING.search(text) is not None


def after(match: re.Match[str], length: int = 12) -> str:
    """So many characters behind a match at most."""
    return match.string[match.end() : match.end() + length]


def is_luhn(digits: str) -> bool:
    """Whether the last digit is right by ISO/IEC 7812-1, annex B."""
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


CARD_BRANDS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
"""Prefix and length of Visa, Mastercard, American Express, Diners, Discover, JCB and UnionPay numbers."""


def is_card(match: re.Match[str]) -> bool:
    """A known prefix and length, the check digit right, and no number of a thing."""
    digits = _NO_DIGIT.sub("", match[0])
    return bool(CARD_BRANDS.fullmatch(digits)) and is_luhn(digits) and not names_thing(match)


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
    "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
"""Length by country, from the SWIFT IBAN registry."""


def _iban(country: str, length: int) -> str:
    fours, rest = divmod(length - 4, 4)
    return rf"{country}\d{{2}}(?: ?[A-Z0-9]{{4}}){{{fours}}}" + (f" ?[A-Z0-9]{{{rest}}}" if rest else "")


IBANS = "|".join(_iban(*one) for one in IBAN_LENGTHS.items())
"""Each country's, written in one or in groups of four: a word after it is not taken for its end."""


def is_iban(text: str) -> bool:
    """Whether length and check digits (ISO 13616, mod 97) of an IBAN are right; blanks are allowed."""
    iban = text.replace(" ", "").upper()
    if len(iban) != IBAN_LENGTHS.get(iban[:2]):
        return False
    return int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def is_ssn(match: re.Match[str]) -> bool:
    """A number that may have been assigned, and the words before it do not make it a lot or a count."""
    area, group, serial = (digits := re.sub(r"\D", "", match[0]))[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or area >= "900" or group == "00" or serial == "0000":
        return False  # never assigned (SSA, POMS RM 10201.035)
    if is_said_before(match, SSN_WORD):
        return True
    return match[0].count("-") == 2 and not names_thing(match) and not UNIT.match(after(match))


def is_nanp(match: re.Match[str]) -> bool:
    """Area code and exchange begin with 2 to 9 (North American Numbering Plan), and nothing says it is a count."""
    digits = _NO_DIGIT.sub("", _EXTENSION.split(match[0])[0])[-10:]
    if digits[0] in "01" or digits[3] in "01":
        return False
    if is_said_before(match, PHONE_WORD):
        return True
    if re.search(r"\d[ ,.]\Z", before(match, 2)) or is_said_before(match, COUNT_WORD):
        return False  # one of a row of numbers, or counted
    return not names_thing(match) and not UNIT.match(after(match))


def is_called(match: re.Match[str]) -> bool:
    """The words before it speak of calling."""
    return is_said_before(match, PHONE_WORD)


def is_called_nanp(match: re.Match[str]) -> bool:
    """Called, and a number of the North American Numbering Plan."""
    return is_called(match) and is_nanp(match)


def is_national(match: re.Match[str]) -> bool:
    """8 to 12 digits, 9 with the trunk prefix 0, that are called and no date."""
    number = match[data_group(match.re)]
    digits = re.sub(r"\D", "", number)
    if re.match(r"\d\d([./-])\d\d\1(?:19|20)\d\d", number) or UNIT.match(after(match)):
        return False
    called = "data" in match.re.groupindex or is_called(match)
    return called and 8 + (digits[0] == "0") <= len(digits) <= 12


def is_international(match: re.Match[str]) -> bool:
    """9 to 15 digits (ITU-T E.164), no decimal number and no count."""
    number = match[0]
    return (
        9 <= len(_NO_DIGIT.sub("", number)) <= 15
        and not ("." in number and _DECIMAL.fullmatch(number))
        and not UNIT.match(after(match))
    )


_NO_DIGIT, _DECIMAL = re.compile(r"\D"), re.compile(r"\+\d{1,3}\.\d+")
_EXTENSION = re.compile(r"(?i)[ ,]*(?:x|e)")


def is_email(match: re.Match[str]) -> bool:
    """At least one label before the top-level domain is a name: `2@24.oc` and `plates@18in.oc` are spacings."""
    labels = match[0].rpartition("@")[2].split(".")
    return not all(map(_SPACING.fullmatch, labels[:-1]))


_SPACING = re.compile(r"\d+(?:in|ft|mm|cm|m|deg)?")


PLACEHOLDER = re.compile(
    r"(?i)^(?:[\[<{$%(].*|\*+|x{3,}.*|\.+|-+|_+|your[_-]?.*|my[_-]?.*|changeme|example.*|redacted|placeholder|null|none"
    r"|true|false|string|os\.environ.*|process\.env.*|getenv.*|secrets?[.\[].*|config[.\[].*|env[.\[].*|todo|tbd|n/?a)$"
)
SAID_OF_PASSWORDS = re.compile(
    r"(?i)^(?:required|requires|reset|resets|protected|needed|expired|expires|see|ask|the|same|unchanged|available|set"
    r"|not|sent|provided|policy|must|should|will|wrong|incorrect|correct|invalid|missing|forgotten|stored|case|shared"
    r"|changed|managed|manager|field|optional|in|on|at|by|from|for|to|and|or|is|was|has|blank|empty|unknown)[.,;:)]*$"
)


LOGIN = re.compile(r"(?i)\b(?:login|log in|log-in|user|username|userid|account|credentials?|admin|portal|wifi|ssid)\b")


def is_password(match: re.Match[str]) -> bool:
    """A value such as people choose, not a placeholder nor what is said about passwords."""
    value, word, verb = match["data"], match["word"].lower(), match["verb"].strip()
    if len(value) < 4 or PLACEHOLDER.match(value) or SAID_OF_PASSWORDS.match(value):
        return False
    if word == "pass" and not (verb in (":", "=", ":=") and (match[0][0] == "_" or LOGIN.search(before(match)))):
        return False  # a pass of the torch
    if not verb:  # "password Ridge22!"
        return len(value) >= 6 and bool(re.search(r"[A-Za-z]", value) and re.search(r"[\d!@#$%^&*]", value))
    spoken = verb not in (":", "=", ":=")
    return bool(re.search(r"[\d!@#$%^&*]", value)) or (not spoken and len(value) >= 6)


def is_random(match: re.Match[str]) -> bool:
    """Letters and digits mixed with at least 3 bits of Shannon entropy per character: not a word, not a number."""
    value = match[data_group(match.re)]
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return bool(mixed) and entropy >= 3 and not PLACEHOLDER.match(value)


def is_url_secret(match: re.Match[str]) -> bool:
    """The password in a URL is not a placeholder."""
    return not PLACEHOLDER.match(match["value"]) and match["value"].lower() not in ("password", "pass")


ORGANISATION = re.compile(r"(?i)\b(?:team|department|dept|inc|llc|ltd|office|roofing|company|co|crew|services|group)\b")


def is_signature(match: re.Match[str]) -> bool:
    """The signature is a person's, not an organisation's."""
    return not ORGANISATION.search(match["data"])


def is_titled(match: re.Match[str]) -> bool:
    """`Dr` after a capitalised word is a drive, not a doctor."""
    if MATERIAL.search(match[0]):
        return False
    return not (match[0].startswith("Dr") and re.search(r"(?:[A-Z]\w+|\d(?:st|nd|rd|th)) $", before(match)))


MATERIAL = re.compile(
    r"(?i)\b(?:roof|drain|mil|gauge|inch|foot|ply|square|sheet|panel|board|story|drip|edge|day|hour|man|crew|detail)\b"
)


def is_address(match: re.Match[str]) -> bool:
    """The number before the street is not a quantity of material."""
    return not MATERIAL.search(match[0])
