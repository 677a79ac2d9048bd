"""Sentences that the texts of the benchmarks are made of, and what their blanks take."""

from __future__ import annotations

BLANKS: dict[str, tuple[str, ...]] = {
    "product": ("TPO", "EPDM", "PVC", "KEE", "SBS modified bitumen", "APP cap sheet", "built-up roof", "polyiso", "EPS",
                "mineral wool", "DensDeck", "silicone coating", "standing seam panel", "slate", "clay tile", "shingle"),
    "part": ("roof drain", "scupper", "gutter", "coping", "curb", "parapet", "pipe boot", "skylight", "fascia", "sump",
             "drip edge", "expansion joint", "pitch pan", "valley", "cricket", "ridge vent", "reglet", "walk pad"),
    "deck": ("steel deck", "wood deck", "concrete deck", "gypsum deck", "plywood deck", "lightweight concrete deck"),
    "task": ("install", "repair", "replace", "flash", "inspect", "detail", "test", "clean", "remove", "weld", "seal"),
    "topic": ("slope", "thickness", "lap width", "fastener spacing", "flashing height", "R-value", "wind uplift rating",
              "warranty", "cost", "weight", "cure time", "service life", "adhesive rate", "drainage", "compatibility"),
    "fault": ("blisters", "leaks", "has split", "ponds water", "has pulled loose", "is wrinkled", "chalks", "rusts"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "September", "October", "November"),
}  # fmt: skip

SYLLABLES = ("ka", "lo", "mi", "ren", "sto", "vel", "dar", "ton", "ber", "shi", "mon", "gar", "fi", "lan", "wes", "cor",
             "pel", "na", "rud", "ock", "ham", "ing", "ley", "ast", "ove", "quin", "bra", "tel")  # fmt: skip
"""What made-up names are made of."""

QUESTIONS = (
    "What is the minimum {topic} for a {product} roof over {deck} at {name}?",
    "What is the maximum {topic} of {size} {product} at a {part} on the {name} building?",
    "How do I {task} a {part} on a {product} roof at {number} {name} Street?",
    "How many fasteners are required for {size} {product} on a {deck} with {number} mph wind in {name}?",
    "Can I {task} {product} over {size} {product} without removing the {part} at {name}?",
    "Why does the {part} of the {name} job, a {product} roof, have the fault that it {fault} after {number} years?",
    "What does section 07 {number} 00 of the {name} manual say about {topic} at the {part}?",
    "How much does it cost to {task} {number} {part}s in {name}?",
    "Calculate the {topic} for a {number} x {number} ft {product} roof in {name}.",
    "Is a cover board needed between {product} and {product} on the {deck} of {name} school?",
)

CONTEXT = (
    "The {part} {fault} since {month}, about {number} ft from the {part}.",
    "The drawing A-{number} of {name} shows {size} of {product} on a {deck}.",
    "Our crew in {name} wants to {task} it before the {part} is closed up.",
    "The old {product} was put down {number} years ago by {name} Roofing.",
    "It has {number} squares, and the {topic} was never checked.",
    "The inspector from {name} measured {size} at the {part}.",
    "There are {number} units on curbs, and one {part} {fault}.",
)

ANSWERS = (
    "Extend the base flashing at least {number} inches above the finished {product} and end it under a reglet.",
    "Stagger the joints of the {product} and fasten it to the {deck} as section 07 22 {number} demands.",
    "Probe every seam of the {part} after it has cooled, and patch voids with {size} of {product}.",
    "Clean and prime the membrane at the {part}, then {task} it with {size} of {product}.",
    "The {topic} has to be {number} percent better than what {name} published for {product}.",
    "Taper the insulation to the {part} with a slope of 1/{number} inch in a foot.",
    "Do not {task} the {product} over wet insulation; cut a core at the {part} first.",
    "In {month} the adhesive needs {number} minutes until it is tacky on a {deck}.",
    "Set the bowl of the {part} in water cutoff mastic and clamp it with {number} bolts.",
    "The warranty of {name} asks for the {topic} in writing, with photographs of the {part}.",
    "Keep the {part} {number} inches away from any {part} that moves.",
    "Reinforce inside corners with {product}, {size} on each side.",
    "A crew of {number} can {task} one {part} in a morning.",
    "Where the {part} {fault}, remove it down to the {deck} and photograph it before it is covered.",
)

ELSEWHERE = (
    "The invoice {number} of {name} is due on {month} {number}, and the copy goes to the office.",
    "Please move the meeting about hiring to {month}, and tell {name} that {number} people come.",
    "The recipe takes {number} grams of flour, and the oven stays at {number} degrees.",
    "My van from {name} has a flat tire after {number} miles, who tows it?",
    "The printer of the office shows error {number}, and {name} has no toner.",
    "Write a poem about {name} in {month} with {number} lines.",
)
"""What has nothing to do with roofs."""

PERSONAL = (
    "Call {name} {name} at 555-{number:03}-{number:04}.",
    "Mail it to {name}.{name}@{name}.example before {month}.",
    "The owner, Mrs. {name}, lives at {number} {name} Avenue, {name}, TX 7{number:04}.",
    "Her social security number is 078-05-{number:04}.",
)

FOREIGN = (
    "Below 40 °F the {product} won’t bond — see ½ of page {number}.",
    "¿Cuánto cuesta el {part} de {product}? Son {number} m².",
    "Die Dämmung (µ ≈ {number}) gehört über die Dachfläche von {name}.",
    "屋顶的{product}防水层需要{number}毫米。",
    "Merci, {name}, l’étanchéité du {part} est à refaire 👍.",
)

OPENINGS = ("please ", "hey, can you tell me: ", "hi! ", "quick question: ", "again: ", "Re: ")
