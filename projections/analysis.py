"""Text analysis: relevance, tags and personal data, once per text and analyser version.

Everything here is a pure function of the text and runs as set-based SQL over a table of texts; RE2 keeps every
pattern linear in the length of the text.
"""

from __future__ import annotations

from .database import Connection

VERSION = 1
"""Raise it when any pattern, weight or tag changes: texts are analysed anew."""

COLUMNS = {
    "text_key": "VARCHAR",
    "analyser": "BIGINT",
    "score": "BIGINT",
    "tags": "VARCHAR[]",
    "personal_data": "VARCHAR[]",
}

TERMS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    (r"tpo|thermoplastic polyolefin", 3, ("tpo", "membrane")),
    (r"epdm", 3, ("epdm", "membrane")),
    (r"pvc roof(?:s|ing)?|pvc membranes?", 3, ("pvc", "membrane")),
    (r"mod(?:ified)?[ -]bit(?:umen)?|sbs|torch[ -]applied|app membranes?", 3, ("mod-bit", "membrane")),
    (r"built[ -]up roof(?:s|ing)?|bur", 3, ("membrane",)),
    (r"roof(?:s|ing|top|tops|er|ers)?|reroof(?:ing)?|re-roof(?:ing)?", 2, ()),
    (r"membranes?", 2, ("membrane",)),
    (r"base flashings?|counter ?flashings?|step flashings?|reglets?|pipe boots?|pitch pans?|pitch pockets?", 3,
     ("flashing",)),
    (r"flashings?", 2, ("flashing",)),
    (r"copings?|parapets?|edge metal|drip edges?|gravel stops?|termination bars?", 3, ("flashing",)),
    (r"fascias?|gutters?|downspouts?", 1, ("flashing",)),
    (r"scuppers?|roof drains?|overflow drains?|drain sumps?", 3, ("drains",)),
    (r"drains?", 1, ("drains",)),
    (r"ponding|ponds?", 1, ("drains",)),
    (r"polyiso(?:cyanurate)?|tapered insulation|cover boards?|vapor (?:barriers?|retarders?)|crickets?", 3,
     ("insulation",)),
    (r"insulation|xps|eps|r-values?", 2, ("insulation",)),
    (r"curbs?|penetrations?|decks?|seams?|expansion joints?|ballast|tear-?offs?", 1, ()),
    (r"heat weld(?:s|ed|ing)?|hot[ -]air weld(?:s|ed|ing)?|seam (?:weld|tape|probe)s?", 3, ("membrane",)),
    (r"fasteners?|adhesives?", 1, ()),
    (r"shingles?|underlayments?|standing seams?|slate roofs?", 2, ()),
    (r"wind uplift|fm 1-\d+|ansi/spri es-1|nrca|smacna|ibc chapter 15|astm d ?\d+", 3, ("specs",)),
    (r"(?:section )?07 ?[1-9]\d ?\d\d", 3, ("specs",)),
    (r"specs?|specifications?", 1, ("specs",)),
    (r"submittals?|product data|shop drawings?", 1, ("submittals",)),
    (r"rfis?|requests? for information", 1, ("rfi",)),
    (r"change orders?|pcos?|t&m", 1, ("change-order",)),
    (r"estimates?|estimating|takeoffs?|take-offs?", 1, ("estimating",)),
    (r"man-hours?|production rates?|crews?", 1, ("labor",)),
    (r"osha(?: 1926\.\d+)?|fall protection|ppe|safety", 1, ("safety",)),
    (r"carlisle|firestone|elevate|gaf|johns manville|sika sarnafil|versico|soprema|polyglass|duro-last", 3, ()),
)  # fmt: skip
"""Pattern of one concept, its weight and its tags: a text scores each concept once, however often it is named."""

PERSONAL_DATA: tuple[tuple[str, str], ...] = (
    ("email", r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"),
    ("phone", r"(?:^|[^\d.\-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?:$|[^\d\-])"),
    ("ssn", r"(?:^|[^\d-])[0-8]\d{2}-\d{2}-\d{4}(?:$|[^\d-])"),
    ("card", r"(?:^|[^\d-])[3-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}(?:$|[^\d-])"),
    (
        "secret",
        r"(?:sk-|sk_live_|sk_test_|ghp_|gho_|xox[bp]-|AKIA)[A-Za-z0-9_-]{12,}|(?i:password|passwd)\s*[:=]\s*\S+",
    ),
)


def analyse(con: Connection, texts: str) -> None:
    """Analyse the texts of a relation (`text_key`, `prompt`, `response`) that have no analysis of this version yet."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE pending_texts AS
            SELECT text_key, any_value(prompt) AS prompt, any_value(response) AS response FROM {texts}
            WHERE text_key IS NOT NULL AND text_key NOT IN (
                SELECT a.text_key FROM analysis a SEMI JOIN {texts} USING (text_key) WHERE analyser = {VERSION})
            GROUP BY text_key"""
    )
    con.execute(
        f"""INSERT INTO analysis BY NAME
            WITH lowered AS (SELECT text_key, prompt || chr(10) || response AS text FROM pending_texts),
            hits AS (SELECT text_key, text, [{", ".join(_hit(p) for p, _, _ in TERMS)}] AS hit
                     FROM (SELECT text_key, text, lower(text) AS low FROM lowered))
            SELECT text_key, {VERSION} AS analyser, {_score()} AS score,
                   list_sort(list_distinct(flatten([{_tags()}]))) AS tags,
                   list_filter([{_personal_data()}], lambda kind: kind IS NOT NULL) AS personal_data
            FROM hits"""
    )


def _hit(pattern: str) -> str:
    return rf"regexp_matches(low, '(?:^|[^a-z0-9])(?:{pattern})(?:$|[^a-z0-9])')"


def _score() -> str:
    return " + ".join(f"CASE WHEN hit[{n}] THEN {weight} ELSE 0 END" for n, (_, weight, _) in enumerate(TERMS, 1))


def _tags() -> str:
    return ", ".join(
        f"CASE WHEN hit[{n}] THEN {list(tags)!r}::VARCHAR[] ELSE [] END" for n, (_, _, tags) in enumerate(TERMS, 1)
    )


def _personal_data() -> str:
    return ", ".join(
        f"CASE WHEN regexp_matches(text, '{pattern}') THEN '{kind}' END" for kind, pattern in PERSONAL_DATA
    )
