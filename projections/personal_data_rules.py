"""What counts as personal data or a secret: one table of rules, each a pattern, a cheap hint and a check.

Change a rule and raise `VERSION`: spans say which version found them. No quantifier is unbounded inside another, so
no text makes a pattern backtrack for long.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

VERSION = 1

Kind = Literal["secret", "iban", "card", "ssn", "phone", "email", "street_address", "name"]

FLAG_ONLY: frozenset[Kind] = frozenset({"name", "street_address"})
"""Kinds that are guesses: shown to a reviewer, never redacted by a machine."""


class Rule(Struct, frozen=True):
    """Finds one kind: the group `data` of `pattern`, or all of it if there is none.

    `hint` is an RE2 expression that every text with a match of `pattern` satisfies; `check` sees the match and says
    whether it is the real thing.
    """

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    hint: str
    check: Callable[[re.Match[str]], bool] = bool


NUMBERED_THING = re.compile(
    r"(?i)\b(?:lot|part|p/n|pn|model|serial|s/n|sn|batch|item|sku|upc|isbn|po|p\.o\.|purchase order|order|rfi|pco"
    r"|invoice|inv|job|project|permit|license|lic|catalog|cat|asset|tag|drawing|dwg|sheet|detail|report|roll|pallet"
    r"|spec|section|product|warranty|tracking|ticket|quote|bid|parcel|apn|account|style|color|code|noa|fl|evaluation"
    r"|esr|guarantee|policy|claim)s?(?: ?(?:no|num|number|id|code)s?\b\.?|)[ :.=#]{0,4}$"
)
PHONE_WORD = re.compile(
    r"(?i)\b(?:call|phone|telephone|tel|cell|cellphone|mobile|fax|text|dial|reach|whatsapp|sms|ring|callback"
    r"|hotline|ph|mob|contact)\b[^\d\n]{0,30}$"
)
SSN_WORD = re.compile(r"(?i)\b(?:ssn|ss#|ss no|social security|social)\b[^\d\n]{0,25}$")
UNIT = re.compile(
    r"(?i)^ ?(?:sf|sq|lf|lbs?|ft|feet|in|inch|inches|mm|cm|m|psf|psi|kg|squares?|bundles?|rolls?|sheets?|boards?|pcs"
    r"|pieces|units?|fasteners?|screws?|plates|usd|dollars|gal|gallons?|mil)\b|^ ?[\"'%]"
)


def data_group(match: re.Match[str]) -> int | str:
    """The part of a match that is the data: the group called `data` if there is one, else all of it."""
    return "data" if "data" in match.re.groupindex else 0


def _before(match: re.Match[str], length: int = 40) -> str:
    return match.string[max(0, match.start() - length) : match.start()]


def _after(match: re.Match[str], length: int = 12) -> str:
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


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match[0])
    return bool(CARD_BRANDS.fullmatch(digits)) and is_luhn(digits) and not NUMBERED_THING.search(_before(match))


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
    "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
"""Length by country, from the SWIFT IBAN registry."""


def is_iban(text: str) -> bool:
    """Whether length and check digits (ISO 13616, mod 97) of an IBAN are right; blanks are allowed."""
    iban = text.replace(" ", "").upper()
    if len(iban) != IBAN_LENGTHS.get(iban[:2]):
        return False
    return int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def _is_ssn(match: re.Match[str]) -> bool:
    area, group, serial = (digits := re.sub(r"\D", "", match[0]))[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or area >= "900" or group == "00" or serial == "0000":
        return False  # never assigned (SSA, POMS RM 10201.035)
    before = _before(match)
    if SSN_WORD.search(before):
        return True
    return match[0].count("-") == 2 and not NUMBERED_THING.search(before) and not UNIT.match(_after(match))


def _is_nanp(match: re.Match[str]) -> bool:
    """Area code and exchange begin with 2 to 9 (North American Numbering Plan), and nothing says it is a count."""
    digits = re.sub(r"\D", "", re.split(r"(?i)[ ,]*(?:x|e)", match[0])[0])[-10:]
    if digits[0] in "01" or digits[3] in "01":
        return False
    before = _before(match)
    if PHONE_WORD.search(before):
        return True
    if re.search(r"\d[ ,.]$", before):
        return False  # one of a row of numbers
    return not NUMBERED_THING.search(before) and not UNIT.match(_after(match))


def _is_called(match: re.Match[str]) -> bool:
    return bool(PHONE_WORD.search(_before(match)))


def _is_called_nanp(match: re.Match[str]) -> bool:
    return _is_called(match) and _is_nanp(match)


def _is_international(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match[0])
    is_decimal = re.fullmatch(r"\+\d{1,3}\.\d+", match[0])
    return 9 <= len(digits) <= 15 and not is_decimal and not UNIT.match(_after(match))


def _is_email(match: re.Match[str]) -> bool:
    """At least one label before the top-level domain has a letter: `2@24.oc` is a spacing."""
    labels = match[0].rpartition("@")[2].split(".")
    return any(re.search(r"[A-Za-z]", label) for label in labels[:-1])


PLACEHOLDER = re.compile(
    r"(?i)^(?:[\[<{$%(].*|\*+|x{3,}.*|\.+|-+|_+|your[_-]?.*|my[_-]?.*|changeme|example.*|redacted|placeholder|null|none"
    r"|true|false|string|os\.environ.*|process\.env.*|getenv.*|secrets?[.\[].*|config[.\[].*|env[.\[].*|todo|tbd|n/?a)$"
)
SAID_OF_PASSWORDS = re.compile(
    r"(?i)^(?:required|requires|reset|resets|protected|needed|expired|expires|see|ask|the|same|unchanged|available|set"
    r"|not|sent|provided|policy|must|should|will|wrong|incorrect|correct|invalid|missing|forgotten|stored|case|shared"
    r"|changed|managed|manager|field|optional|in|on|at|by|from|for|to|and|or|is|was|has|blank|empty|unknown)[.,;:)]*$"
)


def _is_password(match: re.Match[str]) -> bool:
    value = match["data"].rstrip(".,;)\"'")
    if len(value) < 4 or PLACEHOLDER.match(value) or SAID_OF_PASSWORDS.match(value):
        return False
    spoken = match["verb"].strip() not in (":", "=", ":=")
    return bool(re.search(r"[\d!@#$%^&*]", value)) or (not spoken and len(value) >= 6)


def _is_random(match: re.Match[str]) -> bool:
    """Letters and digits mixed with at least 3 bits of Shannon entropy per character: not a word, not a number."""
    value = match[data_group(match)]
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return bool(mixed) and entropy >= 3 and not PLACEHOLDER.match(value)


def _is_url_secret(match: re.Match[str]) -> bool:
    return not PLACEHOLDER.match(match["value"]) and match["value"].lower() not in ("password", "pass")


ORGANISATION = re.compile(r"(?i)\b(?:team|department|dept|inc|llc|ltd|office|roofing|company|co|crew|services|group)\b")


def _is_signature(match: re.Match[str]) -> bool:
    return not ORGANISATION.search(match["data"])


def _is_titled(match: re.Match[str]) -> bool:
    """`Dr` after a capitalised word is a drive, not a doctor."""
    return not (match[0].startswith("Dr") and re.search(r"(?:[A-Z]\w+|\d(?:st|nd|rd|th)) $", _before(match)))


MATERIAL = re.compile(
    r"(?i)\b(?:roof|drain|mil|gauge|inch|foot|ply|square|sheet|panel|board|story|drip|edge|day|hour|man|crew|detail)\b"
)


def _is_address(match: re.Match[str]) -> bool:
    return not MATERIAL.search(match[0])


def _secret(name: str, pattern: str, hint: str, check: Callable[[re.Match[str]], bool] | None = None) -> Rule:
    compiled = re.compile(rf"(?<![A-Za-z0-9_])(?:{pattern})")
    return Rule(name, "secret", compiled, hint, check) if check else Rule(name, "secret", compiled, hint)


_WORD = r"(?![A-Za-z0-9_])"

RULES: tuple[Rule, ...] = (
    _secret("aws key id", rf"A(?:KIA|SIA)[0-9A-Z]{{16}}{_WORD}", r"A(?:KIA|SIA)[0-9A-Z]{16}"),
    _secret("github token", r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255}", r"gh[pousr]_\w{20}|github_pat_"),
    _secret("gitlab token", r"glpat-[\w-]{20,64}", r"glpat-"),
    _secret("slack token", r"xox[abeoprs]-[\w-]{10,250}", r"xox[abeoprs]-"),
    _secret("slack webhook", r"https://hooks\.slack\.com/services/[\w/]{20,80}", r"hooks\.slack\.com/services/"),
    _secret("stripe key", r"[spr]k_(?:live|test)_\w{16,255}|whsec_\w{20,255}", r"[spr]k_(?:live|test)_|whsec_"),
    _secret("sk- key", r"sk-(?:ant-|proj-|svcacct-|or-v1-)?[\w-]{20,255}", r"\bsk-[\w-]{20}", _is_random),
    _secret("google key", r"AIza[\w-]{35}", r"AIza[\w-]{35}"),
    _secret("jwt", r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,1000}", r"eyJ[\w-]+\.eyJ"),
    _secret(
        "private key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----"
        r"(?:[\s\S]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----)?",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY",
    ),
    _secret("npm token", rf"npm_[A-Za-z0-9]{{36}}{_WORD}", r"npm_[A-Za-z0-9]{36}"),
    _secret("sendgrid key", r"SG\.[\w-]{16,64}\.[\w-]{16,64}", r"SG\.[\w-]{16}"),
    _secret("twilio key", rf"(?:SK|AC)[0-9a-f]{{32}}{_WORD}", r"(?:SK|AC)[0-9a-f]{32}"),
    _secret("hugging face token", rf"hf_[A-Za-z0-9]{{30,64}}{_WORD}", r"hf_[A-Za-z0-9]{30}"),
    _secret("modal token", rf"a[ks]-[A-Za-z0-9]{{22}}{_WORD}", r"\ba[ks]-[A-Za-z0-9]{22}", _is_random),
    _secret(
        "connection string",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@]{0,80}:(?P<value>[^\s/@]{1,120})@[^\s/\"'<>]{1,120}",
        r"://[^\s:/@]{0,80}:[^\s/@]{1,120}@",
        _is_url_secret,
    ),
    Rule(
        "bearer token",
        "secret",
        re.compile(r"(?i:\bbearer)[ :]{1,3}(?P<data>[\w.~+/-]{16,2000}=?=?)"),
        r"(?i:\bbearer)[ :]{1,3}[\w.~+/-]{16}",
        _is_random,
    ),
    Rule(
        "password",
        "secret",
        re.compile(
            r"(?i)(?:\b|_)(?:password|passwd|pwd|passphrase|passcode)\b[\"']?[^\S\n]{0,3}"
            r"(?P<verb>:?=|:|\bis\b(?: now)?:?|\bwas\b)[^\S\n]{0,3}[\"']?(?P<data>(?![\"'])[^\s\"']{4,128})"
        ),
        r"(?i:passw|pwd|passp|passc)",
        _is_password,
    ),
    Rule(
        "assigned key",
        "secret",
        re.compile(
            r"(?i)(?:api[_ -]?key|secret(?:[_ -]?(?:access[_ -]?)?key)?|(?:access|auth|refresh|session)?[_ -]?token"
            r"|access[_ -]?key|private[_ -]?key)\b[\"']?[^\S\n]{0,3}(?::?=|:|\bis\b)[^\S\n]{0,3}[\"']?"
            r"(?P<data>[A-Za-z0-9+/_.-]{16,512}={0,2})"
        ),
        r"(?i:api[_ -]?key|secret|token|access[_ -]?key|private[_ -]?key)[\"']?\s{0,3}(?::?=|:|is)",
        _is_random,
    ),
    Rule(
        "iban",
        "iban",
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"),
        r"\b[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
        lambda match: is_iban(match[0]),
    ),
    Rule("card", "card", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), r"\d(?:[ -]?\d){12}", _is_card),
    Rule(
        "ssn",
        "ssn",
        re.compile(r"(?<![\w.-])\d{3}([- ]?)\d{2}\1\d{4}(?![\w-])(?!\.\d)"),
        r"\b\d{3}(?:-\d{2}-| \d{2} |\d{2})\d{4}\b",
        _is_ssn,
    ),
    Rule(
        "us phone",
        "phone",
        re.compile(
            r"(?<![\w.#/-])(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ ./-])\d{3}[ .-]\d{4}"
            r"(?:[ ,]{0,2}(?:x|ext\.?|extension)[ :]?\d{1,6})?(?![\w-])(?!\.\d)"
        ),
        r"\d{3}(?:\)[ .-]?|[ ./-])\d{3}[ .-]\d{4}",
        _is_nanp,
    ),
    Rule("bare phone", "phone", re.compile(r"(?<![\w.-])1?\d{10}(?![\w-])"), r"\b1?\d{10}\b", _is_called_nanp),
    Rule(
        "local phone",
        "phone",
        re.compile(r"(?<![\w.-])[2-9]\d{2}[.-]\d{4}(?![\w-])"),
        r"\b[2-9]\d{2}[.-]\d{4}\b",
        _is_called,
    ),
    Rule(
        "foreign phone",
        "phone",
        re.compile(r"(?<![\w+])\+[2-9]\d{0,2}(?:[ .-]?\(?\d{1,5}\)?){2,7}(?![\w])"),
        r"\+[2-9]\d?[\d .()-]{7}",
        _is_international,
    ),
    Rule(
        "trunk phone",
        "phone",
        re.compile(r"(?<![\w.-])\(?0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?![\w-])"),
        r"\b0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}\b",
        _is_called,
    ),
    Rule(
        "email",
        "email",
        re.compile(
            r"(?<![\w.+%-])[A-Za-z0-9_][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,5}[A-Za-z]{2,24}(?![\w-])"
        ),
        r"\w@[A-Za-z0-9-]+\.",
        _is_email,
    ),
    Rule(
        "street address",
        "street_address",
        re.compile(
            r"(?<![\w/.-])\d{1,6} (?:[NSEW]\.? |North |South |East |West )?(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))"
            r"(?: [A-Z][a-z]+){0,2} (?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl"
            r"|Terrace|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Way)\b\.?|\bP\.? ?O\.? Box \d{1,6}\b"
        ),
        r" (?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Terrace|Circle|Cir"
        r"|Parkway|Pkwy|Highway|Hwy|Way)\b|Box \d",
        _is_address,
    ),
    Rule(
        "titled name",
        "name",
        re.compile(r"\b(?:Mr|Mrs|Ms|Mx|Dr)\.? [A-Z][a-z'\u2019-]{1,30}(?: [A-Z][a-z'\u2019-]{1,30})?"),
        r"\b(?:Mr|Mrs|Ms|Mx|Dr)\.? [A-Z]",
        _is_titled,
    ),
    Rule(
        "signature",
        "name",
        re.compile(
            r"(?i:\b(?:regards|sincerely|thanks|thank you|cheers|respectfully|best|yours truly))[,.!]?"
            r"[^\S\n]{0,3}\n{1,3}[^\S\n]{0,4}(?:[-\u2013\u2014] ?)?"
            r"(?P<data>[A-Z][a-z'\u2019-]{1,30}(?: [A-Z]\.?)?(?: [A-Z][a-z'\u2019-]{1,30}){0,2})"
            r"(?=[^\S\n]{0,3}(?:\n|\Z|,))"
        ),
        r"(?i:regards|sincerely|thanks|thank you|cheers|respectfully|best|yours truly)[,.!]?\s{0,3}\n",
        _is_signature,
    ),
)  # fmt: skip
"""In order of precedence: where two rules overlap, the earlier one holds."""
