"""What counts as personal data or a secret: one table of rules, each a pattern, a cheap hint and a check.

Change a rule and raise its version in `VERSIONS`: texts are analysed anew. Rules that adopted policies name stay what
they are: what would find something else is a rule of a later version. No quantifier is unbounded inside another, so
no text makes a pattern backtrack for long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from ..policy.rules import FIRST, LATEST, Rules
from .personal_data_abroad import (
    DRIVING_LICENCE,
    LABELLED_CARD,
    LABELLED_SSN,
    NATIONAL_INSURANCE,
    NATIONAL_INSURANCE_ALONE,
    PASSPORT,
    PHONE_ABROAD,
    STREET_ABROAD,
    STREETS,
    TAX_OR_HEALTH,
    is_labelled,
    is_licence,
    is_phone_abroad,
    is_street,
    is_street_abroad,
)
from .personal_data_checks import (
    IBANS,
    is_address,
    is_called,
    is_called_nanp,
    is_card,
    is_email,
    is_iban,
    is_international,
    is_nanp,
    is_national,
    is_password,
    is_random,
    is_signature,
    is_ssn,
    is_titled,
    is_url_secret,
    names_thing,
)

VERSIONS: dict[Rules, int] = {1: 5, 2: 6}
"""Of the rules that a policy names; analyses say which version made them."""

Kind = Literal["secret", "iban", "card", "ssn", "phone", "email", "street_address", "name", "id_number"]
"""An `id_number` is that of a passport, a driving licence, a tax file or a national insurance."""

FLAG_ONLY: frozenset[Kind] = frozenset({"name", "street_address"})
"""Kinds that are guesses: shown to a reviewer, never redacted by a machine."""


class Rule(Struct, frozen=True):
    """Finds one kind: the group `data` of `pattern`, or all of it if there is none.

    `hint` is an RE2 expression that every text with a match of `pattern` satisfies. Of `needs` stands one in every
    ASCII text with a match, in lower case. `check` sees the match and says whether it is the real thing. Where `end`
    begins at most `within` characters behind a match, the match reaches to the end of that: as a part of `pattern` it
    would be looked for anew behind every beginning. It is one of the rules `since` a version `until` another one.
    """

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    hint: str
    check: Callable[[re.Match[str]], bool] = bool
    end: re.Pattern[str] | None = None
    within: int = 0
    needs: tuple[str, ...] = ()
    since: Rules = FIRST
    until: Rules = LATEST


def _secret(
    name: str, pattern: str, hint: str, check: Callable[[re.Match[str]], bool] = bool, needs: tuple[str, ...] = ()
) -> Rule:
    return Rule(name, "secret", re.compile(rf"(?<![A-Za-z0-9_])(?:{pattern})"), hint, check, needs=needs)


_STREET = re.compile(
    r"(?<![\w/.-])\d{1,6} (?:(?:[NS][EW]|[NSEW])\.? |North |South |East |West )?"
    r"(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))"
    r"(?: [A-Z][a-z]+){0,2} (?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl"
    r"|Terrace|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Way)\b\.?|\bP\.? ?O\.? Box \d{1,6}\b"
)
_STREET_HINT = (
    r" (?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Terrace|Circle|Cir"
    r"|Parkway|Pkwy|Highway|Hwy|Way)\b|Box \d"
)
TRUNK_PHONE = re.compile(r"(?<![\w.-])(?:\(0\d{1,4}\)|0\d{1,4})(?:[ ./-]?\d{2,5}){2,5}(?![\w-])")
_WORD = r"(?![A-Za-z0-9_])"

RULES: tuple[Rule, ...] = (
    _secret("aws key id", rf"A(?:KIA|SIA)[0-9A-Z]{{16}}{_WORD}", r"A(?:KIA|SIA)[0-9A-Z]{16}"),
    _secret("github token", r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255}", r"gh[pousr]_\w{20}|github_pat_"),
    _secret("gitlab token", r"glpat-[\w-]{20,64}", r"glpat-"),
    _secret("slack token", r"xox[abeoprs]-[\w-]{10,250}", r"xox[abeoprs]-"),
    _secret("slack webhook", r"https://hooks\.slack\.com/services/[\w/]{20,80}", r"hooks\.slack\.com/services/"),
    _secret("stripe key", r"[spr]k_(?:live|test)_\w{16,255}|whsec_\w{20,255}", r"[spr]k_(?:live|test)_|whsec_"),
    _secret("sk- key", r"sk-(?:ant-|proj-|svcacct-|or-v1-)?[\w-]{20,255}", r"\bsk-[\w-]{20}", is_random),
    _secret("google key", r"AIza[\w-]{35}", r"AIza[\w-]{35}"),
    _secret("jwt", r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,1000}", r"eyJ[\w-]{8}"),
    Rule(
        "private key",
        "secret",
        re.compile(r"(?<![A-Za-z0-9_])-----BEGIN [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----"),
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY",
        end=re.compile(r"-----END [A-Z ]{0,30}PRIVATE KEY[A-Z ]{0,10}-----"),
        within=8000,
    ),
    _secret("npm token", rf"npm_[A-Za-z0-9]{{36}}{_WORD}", r"npm_[A-Za-z0-9]{36}"),
    _secret("sendgrid key", r"SG\.[\w-]{16,64}\.[\w-]{16,64}", r"SG\.[\w-]{16}"),
    _secret("twilio key", rf"(?:SK|AC)[0-9a-f]{{32}}{_WORD}", r"(?:SK|AC)[0-9a-f]{32}"),
    _secret(
        "vendor token",
        r"(?:gsk_|dop_v1_|shp(?:at|ss|ca|pa)_|pypi-|sq0(?:atp|csp)-|ya29\.|figd_|lin_api_|xapp-|glsa_|hvs\.|dckr_pat_"
        r"|nvapi-|r8_|PMAK-)[\w.-]{15,254}[\w-]",
        r"(?:gsk|dop_v1|shp(?:at|ss|ca|pa)|figd|lin_api|glsa|dckr_pat|r8)_|(?:pypi|sq0(?:atp|csp)|xapp|nvapi|PMAK)-"
        r"|(?:ya29|hvs)\.",
        is_random,
        needs=("gsk_", "dop_v1_", "shpat_", "shpss_", "shpca_", "shppa_", "pypi-", "sq0atp-", "sq0csp-", "ya29.",
               "figd_", "lin_api_", "xapp-", "glsa_", "hvs.", "dckr_pat_", "nvapi-", "r8_", "pmak-"),
    ),
    _secret("hugging face token", rf"hf_[A-Za-z0-9]{{30,64}}{_WORD}", r"hf_[A-Za-z0-9]{30}"),
    _secret("modal token", rf"a[ks]-[A-Za-z0-9]{{22}}{_WORD}", r"\ba[ks]-[A-Za-z0-9]{22}", is_random),
    _secret(
        "connection string",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@]{0,80}:(?P<value>[^\s/@]{1,120})@[^\s/\"'<>]{1,120}",
        r"://[^\s:/@]{0,80}:[^\s/@]{1,120}@",
        is_url_secret,
    ),
    Rule(
        "bearer token",
        "secret",
        re.compile(r"(?i:\bbearer)[ :]{1,3}(?P<data>[\w.~+/-]{15,1999}[\w~+/-]=?=?)"),
        r"(?i:\bbearer)[ :]{1,3}[\w.~+/-]{16}",
        is_random,
    ),
    Rule(
        "password",
        "secret",
        re.compile(
            r"(?i)(?:\b|_)(?P<word>password|passwd|pwd|passphrase|passcode|pass|pw)\b[\"']?"
            r"(?: (?:for|to|on|of|at) [\w ]{1,30}?)?[^\S\n]{0,3}"
            r"(?P<verb>:?=|:|(?:\b(?:is|was|has been|got)\b ?)?(?:\bnow\b ?)?\b(?:set|changed|reset) to\b:?"
            r"|\bis\b(?: now)?:?|\bwas\b)[^\S\n]{0,3}[\"']?"
            r"(?P<data>(?![\"'])[^\s\"';]{3,127}[^\s\"'.,;:)])"
        ),
        r"(?i:passw|pwd|passp|passc|pass[\"']? {0,3}[:=]|\bpw\b)",
        is_password,
        needs=("pass", "pw"),
    ),
    Rule(
        "password without a verb",
        "secret",
        re.compile(
            r"(?i)\b(?P<word>password|passwd|pwd|passphrase|passcode|pw)[^\S\n]{1,3}(?P<verb>)[\"']?"
            r"(?P<data>(?![\"'])[^\s\"';]{5,127}[^\s\"'.,;:)])"
        ),
        r"(?i:passw|pwd|passp|passc|\bpw\b)",
        is_password,
        needs=("pass", "pw"),
    ),
    Rule(
        "assigned key",
        "secret",
        re.compile(
            r"(?i)(?:(?:api|account|shared|encryption|signing|master|subscription)[_ -]?key|[?&](?:sig|key|code)"
            r"|secret(?:[_ -]?(?:access[_ -]?)?key)?|(?:access|auth|refresh|session)?[_ -]?token"
            r"|access[_ -]?key|private[_ -]?key)\b[\"']?[^\S\n]{0,3}(?::?=|:|\bis\b)[^\S\n]{0,3}[\"']?"
            r"(?P<data>[A-Za-z0-9+/_.%~-]{15,511}[A-Za-z0-9+/_%~-]={0,2})"
        ),
        r"(?i:key|secret|token|[?&](?:sig|code))[\"']?\s{0,3}(?::?=|:|is)",
        is_random,
        needs=("key", "secret", "token", "?sig", "&sig", "?code", "&code"),
    ),
    Rule(
        "iban",
        "iban",
        re.compile(rf"(?i)(?<![A-Z0-9])(?:{IBANS})(?![A-Z0-9])"),
        r"(?i:\b[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4})",
        lambda match: is_iban(match[0]),
    ),
    Rule(
        "labelled card",
        "card",
        LABELLED_CARD,
        r"(?i:card|visa|amex|american express)[^\d\n]{0,25}\d{4}[ -]?\d{4}",
        is_labelled,
        needs=("card", "visa", "amex", "american express"),
        since=2,
    ),
    Rule("card", "card", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), r"\d(?:[ -]?\d){12}", is_card),
    Rule(
        "labelled ssn",
        "ssn",
        LABELLED_SSN,
        r"(?i:\bss|social)[^\d\n]{0,40}\d{3}[-. ]?\d{2}[-. ]?\d{4}",
        is_labelled,
        needs=("ss", "social"),
        since=2,
    ),
    Rule("passport", "id_number", PASSPORT, r"(?i:passport).{0,30}\d{6}", is_labelled, needs=("passport",), since=2),
    Rule(
        "national insurance number",
        "id_number",
        NATIONAL_INSURANCE,
        r"(?i:national insurance|\bnino|\bni n).{0,30}\d\d ?\d\d ?\d\d",
        is_labelled,
        needs=("national insurance", "nino", "ni n"),
        since=2,
    ),
    Rule(
        "national insurance number alone",
        "id_number",
        NATIONAL_INSURANCE_ALONE,
        r"\b[A-Z]{2} \d\d \d\d \d\d [A-D]",
        lambda match: not names_thing(match),
        since=2,
    ),
    Rule(
        "tax or health number",
        "id_number",
        TAX_OR_HEALTH,
        r"(?i:\btfn|tax file|\bsin\b|social insurance|medicare|\bnhs).{0,30}\d{3}",
        is_labelled,
        needs=("tfn", "tax file", "sin", "social insurance", "medicare", "nhs"),
        since=2,
    ),
    Rule(
        "driving licence",
        "id_number",
        DRIVING_LICENCE,
        r"(?i:\bdriv(?:er|ing).{0,3} licen[cs]e|\bdl ?(?:#|n)).{0,40}\d",
        is_licence,
        needs=("driv", "dl"),
        since=2,
    ),
    Rule(
        "ssn",
        "ssn",
        re.compile(r"(?<![\w.-])\d{3}([-. ]?)\d{2}\1\d{4}(?![\w-])(?!\.\d)"),
        r"\b\d{3}(?:-\d{2}-|\.\d{2}\.| \d{2} |\d{2})\d{4}\b",
        is_ssn,
    ),
    Rule(
        "us phone",
        "phone",
        re.compile(
            r"(?<![\w.#/-])(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}(?:[ /]| ?[.\u2013-] ?))"
            r"\d{3}(?: | ?[.\u2013-] ?)\d{4}"
            r"(?:[ ,]{0,2}(?:x|ext\.?|extension)[ :.]?\d{1,6})?(?![\w-])(?!\.\d)"
        ),
        r"\d{3}\W{1,3}\d{3}\W{1,3}\d{4}",
        is_nanp,
    ),
    Rule("bare phone", "phone", re.compile(r"(?<![\w.-])1?\d{10}(?![\w-])"), r"\b1?\d{10}\b", is_called_nanp),
    Rule(
        "local phone",
        "phone",
        re.compile(r"(?<![\w.-])[2-9]\d{2}[.-]\d{4}(?![\w-])"),
        r"\b[2-9]\d{2}[.-]\d{4}\b",
        is_called,
    ),
    Rule(
        "foreign phone",
        "phone",
        re.compile(r"(?<![\w+])\+[2-9]\d{0,2}(?:[ .-]?(?:\(\d{1,5}\)|\d{1,5})){2,7}(?![\w])"),
        r"\+[2-9]\d?[\d .()-]{7}",
        is_international,
    ),
    Rule(
        "trunk phone",
        "phone",
        TRUNK_PHONE,
        r"0\d(?:[ ./)-]{0,2}\d){7}",
        is_national,
        until=1,
    ),
    Rule(
        "phone abroad",
        "phone",
        PHONE_ABROAD,
        r"\b0\d{1,4}\)?[ -]?\d{3}|\b1[38]00[ -]\d{3}|\b00 ?\d{2,3}[ -]?\(?\d",
        is_phone_abroad,
        since=2,
    ),
    Rule(
        "called trunk phone",
        "phone",
        TRUNK_PHONE,
        r"0\d(?:[ ./)-]{0,2}\d){7}",
        lambda match: is_national(match) and not names_thing(match),
        since=2,
    ),
    Rule(
        "national phone",
        "phone",
        re.compile(
            r"(?i)\b(?:tel|t\u00e9l|tlf|telefon|t\u00e9l\u00e9phone|tel\u00e9fono|phone|mobile|mobil|m\u00f3vil|whatsapp)"
            r"(?: (?:no|nr|number))?[:. ]{1,3}(?P<data>(?:\([1-9]\d{1,3}\)|[1-9]\d{1,3})(?:[ .-]\d{2,4}){2,4})(?![\w-])"
        ),
        r"(?i:t.l|tlf|fon|fono|phone|mobil|mobile|m.vil|whatsapp)(?: (?:no|nr|number))?[:. ]{1,3}\(?\d{2}",
        is_national,
        needs=("tel", "tlf", "phone", "mobil", "whatsapp"),
    ),
    Rule(
        "spelled email",
        "email",
        re.compile(
            r"(?i)(?<![\w.+%-])[a-z0-9_][\w.+%-]{0,63}(?: ?[\[({] ?at ?[\])}] ?| at )[a-z0-9-]{1,62}"
            r"(?:(?: ?[\[({] ?dot ?[\])}] ?| dot |\.)[a-z0-9-]{2,24}){0,3}"
            r"(?: ?[\[({] ?dot ?[\])}] ?| dot |\.)(?:com|net|org|edu|gov|info|biz|io|co|us|uk|ca|au|de|fr|es|nl)"
            r"(?![\w-])"
        ),
        r"(?i: ?[\[({] ?at ?[\])}]| at [a-z0-9-]{1,62} dot )",
        lambda match: bool(re.search(r"(?i)\bdot\b|[\[({] ?at", match[0])),
    ),
    Rule(
        "email",
        "email",
        re.compile(
            r"(?<![\w.+%-])\w[\w.+%'\u2019-]{0,63}@(?:[^\W_][\w-]{0,62}\.){1,5}[^\W\d_]{2,24}(?![\w-])"
        ),
        r"[^\s@]@[^\s@]+\.",
        is_email,
    ),
    Rule("street address", "street_address", _STREET, _STREET_HINT, is_address, until=1),
    Rule("street", "street_address", _STREET, _STREET_HINT, is_street, since=2),
    Rule(
        "street abroad",
        "street_address",
        STREET_ABROAD,
        rf"\d[A-Za-z]?,? [A-Z][^\n\d]{{0,60}}(?:{STREETS})\b",
        is_street_abroad,
        since=2,
    ),
    Rule(
        "titled name",
        "name",
        re.compile(r"\b(?:Mr|Mrs|Ms|Mx|Dr)\.? [A-Z][A-Za-z'\u2019-]{1,30}(?: [A-Z][A-Za-z'\u2019-]{1,30})?"),
        r"\b(?:Mr|Mrs|Ms|Mx|Dr)\.? [A-Z]",
        is_titled,
    ),
    Rule(
        "signature",
        "name",
        re.compile(
            r"(?i:\b(?:regards|sincerely|thanks|thank you|cheers|respectfully|best|yours truly))"
            r"[,.!]?[^\S\n]{0,3}\n{1,3}[^\S\n]{0,4}(?:[-\u2013\u2014] ?)?"
            r"(?P<data>[A-Z][A-Za-z'\u2019-]{1,30}(?: [A-Z]\.?)?(?: [A-Z][A-Za-z'\u2019-]{1,30}){0,2})"
            r"(?=[^\S\n]{0,3}(?:\n|\Z|,))"
        ),
        r"(?i:regards|sincerely|thanks|thank you|cheers|respectfully|best|yours truly)[,.!]?\s{0,3}\n",
        is_signature,
        needs=("regards", "sincerely", "thanks", "thank you", "cheers", "respectfully", "best", "yours truly"),
    ),
)  # fmt: skip
"""In order of precedence: where two rules overlap, the earlier one holds."""
