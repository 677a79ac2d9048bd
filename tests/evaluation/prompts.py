"""Generated prompts, heavily templated ones among them: what near-duplicate detection is measured on."""

from __future__ import annotations

import random
from collections.abc import Iterator

PRODUCTS = [
    "TPO",
    "EPDM",
    "PVC",
    "KEE",
    "SBS modified bitumen",
    "mod bit",
    "BUR",
    "polyiso",
    "EPS",
    "XPS",
    "mineral wool",
    "DensDeck",
    "silicone coating",
]
PARTS = [
    "roof drain",
    "scupper",
    "gutter",
    "coping",
    "curb",
    "parapet",
    "pipe boot",
    "skylight",
    "fascia",
    "drip edge",
    "expansion joint",
    "pitch pan",
    "valley",
]
DECKS = ["steel deck", "wood deck", "concrete deck", "gypsum deck", "plywood deck", "lightweight concrete deck"]
TASKS = [
    "install",
    "repair",
    "replace",
    "flash",
    "inspect",
    "detail",
    "test",
    "clean",
    "remove",
    "weld",
    "seal",
    "specify",
    "estimate",
    "fasten",
]
SIZES = [
    "45 mil",
    "60 mil",
    "80 mil",
    "115 mil",
    "1/2 inch",
    "1 inch",
    "2 inch",
    "2.6 inch",
    "3 inch",
    "4 inch",
    "6 inch",
    "8 inch",
    "12 inch",
]
TOPICS = [
    "slope",
    "thickness",
    "lap width",
    "fastener spacing",
    "flashing height",
    "R-value",
    "wind uplift rating",
    "warranty",
    "cost",
    "weight",
    "color",
    "cure time",
    "service life",
    "temperature",
    "adhesive rate",
    "drainage",
    "compatibility",
    "production rate",
]
TEMPLATES = [
    "What is the minimum {topic} for a {product} roof over {deck}?",
    "What is the maximum {topic} of {size} {product} at a {part}?",
    "How do I {task} a {part} on a {product} roof?",
    "How many fasteners are required for {size} {product} on a {deck} with {n} mph wind?",
    "Can I {task} {product} over {size} {product2} without removing the {part}?",
    "Why does {product} fail at the {part} after {n} years in {city}?",
    "What does section 07 {s1} {s2} say about {topic} at the {part}?",
    "How much does it cost to {task} {n} {part}s in {city}?",
    "Calculate the {topic} for a {n} x {n2} ft {product} roof in {city}",
    "Is a cover board needed between {product} and {product2} on a {deck}?",
]
SATURATED = [
    "Draft a letter to the owner about the warranty of the TPO roof at {name} school in {city}",
    "Write a daily report for the crew at {name} building, {city}",
    "Summarize the punch list for {name} project and email it to {name2}",
]
PREFIXES = ["", "", "", "", "please ", "hey, can you tell me ", "hi! ", "quick question: "]
SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ren",
    "sto",
    "vel",
    "dar",
    "ton",
    "ber",
    "shi",
    "mon",
    "ta",
    "gar",
    "fi",
    "lan",
    "wes",
    "cor",
    "pel",
    "na",
    "rud",
    "ock",
    "ham",
    "ing",
    "ley",
]


def words(rng: random.Random, count: int) -> list[str]:
    """Made-up names of two to four syllables."""
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(count)]


def typo(rng: random.Random, text: str) -> str:
    """The text with one letter dropped or two swapped."""
    n = rng.randrange(1, len(text) - 1)
    return text[:n] + (text[n + 1 :] if rng.random() < 0.5 else text[n + 1] + text[n] + text[n + 2 :])


def prompts(count: int, seed: int = 7) -> Iterator[str]:
    """Prompts of a roofing office: half from templates, a quarter said before, a sixth from saturated ones."""
    rng = random.Random(seed)
    names, cities, free = words(rng, 5000), [w.title() for w in words(rng, 300)], words(rng, 20000)
    said: list[str] = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.25 and said:
            text = rng.choice(said)
            text = typo(rng, text) if rng.random() < 0.3 else text.lower() if rng.random() < 0.5 else text
            yield rng.choice(PREFIXES) + text
            continue
        if kind < 0.75:
            text = rng.choice(TEMPLATES).format(
                topic=rng.choice(TOPICS),
                product=rng.choice(PRODUCTS),
                product2=rng.choice(PRODUCTS),
                deck=rng.choice(DECKS),
                size=rng.choice(SIZES),
                part=rng.choice(PARTS),
                task=rng.choice(TASKS),
                n=rng.randint(2, 200),
                n2=rng.randint(2, 200),
                s1=rng.randint(10, 95),
                s2=rng.choice(["00", "13", "16", "23"]),
                city=rng.choice(cities),
            )
        elif kind < 0.92:
            text = rng.choice(SATURATED).format(
                name=rng.choice(names).title(), name2=rng.choice(names).title(), city=rng.choice(cities)
            )
        else:
            text = " ".join(rng.choices(free, k=rng.randint(6, 25)))
        if len(said) < 200_000:
            said.append(text)
        yield text
