"""The reference pages: every command of the command line and every setting, from the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click
import msgspec

from events.limits import CONTAINERS, DEEPEST, LIMITS
from projections.policy import policy
from projections.policy.explained import sections
from projections.texts.text_size import READ
from services.access.roles import NAMES, ROLES
from services.cli import main
from services.imports.lines import CONTAINERS as LINE_CONTAINERS
from services.imports.lines import LONGEST
from services.imports.sources import LONGEST_TEXT, UNPACKED, UNPACKED_FREE
from services.imports.tables import ROW_GROUP
from services.metrics import METRICS, PROCESS
from services.settings import described
from services.web.access.limits import BODY_BYTES, UPLOAD_BYTES
from services.web.otlp import CONTAINERS as SPAN_CONTAINERS
from services.web.otlp import FIELDS, UNPACKED_BYTES
from tests.services.access import tried

_NOTE = "`make docs` writes this page from the code; do not edit it."


def commands(group: click.Group = main, prefix: str = "rooflog") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its whole name, in the order of `--help`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        elif command is not None:
            yield f"{prefix} {name}", command


def options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by their first flag."""
    return {parameter.opts[0]: parameter for parameter in command.params if isinstance(parameter, click.Option)}


def command_page() -> str:
    """The page of all commands."""
    everything = dict(commands())
    shared = set.intersection(*(set(options(command)) for command in everything.values()))
    parts = ["# Commands", _NOTE, _paragraphs(main), "## Options of every command"]
    parts.append(_table(option for name, option in options(everything["rooflog up"]).items() if name in shared))
    for name, command in everything.items():
        usage = " ".join([name, *command.collect_usage_pieces(click.Context(command))])
        parts += [f"## {name}", _paragraphs(command), f"```text\n{usage}\n```"]
        if own := [option for flag, option in options(command).items() if flag not in shared]:
            parts.append(_table(own))
        parts.append(f"```text\n{(command.epilog or '').removeprefix('Example: ')}\n```")
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """The page of all settings."""
    flags = {flag for _, command in commands() for flag in options(command)}
    rows = [
        f"| `{setting.variable}` | {f'`{setting.flag}`' if setting.flag in flags else ''} "
        f"| {f'`{setting.default}`' if setting.default else ''} | {_cell(setting.description)} |"
        for setting in described().values()
    ]
    head = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    order = "A flag wins over its variable, and a variable wins over the default. Not every command has every flag."
    return "\n\n".join(["# Settings", _NOTE, order, "\n".join(head + rows)]) + "\n"


def limits_page() -> str:
    """The page of all limits of facts, lines and policies."""
    facts = [f"| {limit.words} | {limit.most:,} {limit.unit} |" for limit in LIMITS.values()]
    facts.append(f"| lists and objects of details or of a policy | {CONTAINERS:,}, {DEEPEST} inside one another |")
    policies = {
        "a policy, as TOML or JSON": f"{policy.LARGEST:,} bytes",
        "a key in TOML": f"{policy.MOST_DOTS} dots",
        "brackets inside one another in TOML": f"{policy.MOST_BRACKETS}",
        "terms, rivals and ignored phrases of a lexicon": f"{policy.MOST_WORDS:,} each",
        "other spellings of a term": f"{policy.MOST_SPELLINGS}",
    }
    lines = {
        "a line or a JSON value of an import": f"{LONGEST:,} bytes, {LINE_CONTAINERS:,} lists and objects",
        "a packed file, unpacked": f"{UNPACKED_FREE:,} bytes, or {UNPACKED} times its size",
        "a row group of a Parquet file": f"{ROW_GROUP:,} bytes",
        "a file that is one text": f"{LONGEST_TEXT:,} bytes",
        "a file that is uploaded": f"{UPLOAD_BYTES:,} bytes",
        "spans in one request": (
            f"{BODY_BYTES:,} bytes, {UNPACKED_BYTES:,} unpacked, {SPAN_CONTAINERS:,} objects, {FIELDS:,} fields"
        ),
        "what is read of a text that is on the log": f"{READ:,} characters",
    }
    head, parts = ["| part | at most |", "|---|---|"], ["# Limits", _NOTE]
    parts.append(
        "A larger fact is refused where it is said: by the client, the gateway, the command line and the import.\n"
        "The refusal names the field, its size and the limit. What lies on the log already is read whatever its size.\n"
        "Of a text that is longer than what is read, the start is judged. Its verdict says `too_long`, and it waits\n"
        "for a reviewer."
    )
    for title, rows in (("Facts", facts), ("Policies", _rows(policies)), ("Reading", _rows(lines))):
        parts += [f"## {title}", "\n".join(head + rows)]
    return "\n\n".join(parts) + "\n"


def policy_page() -> str:
    """The page of all settings of the policy."""
    head, parts = ["| setting | shipped | called | meaning |", "|---|---|---|---|"], ["# The policy", _NOTE]
    parts.append("Words of the browser for each setting. The lexicon is in [Policies](../guide/policies.md).")
    document = policy.default().document()
    for section in sections():
        rows = []
        for one in section.settings:
            value = document[section.name].get(one.name, one.unless_given)
            choices = f" One of {', '.join(f'`{c}`' for c in one.choices)}." if one.kind == "choice" else ""
            choices = f" Some of {', '.join(f'`{c}`' for c in one.choices)}." if one.kind == "choices" else choices
            shown = msgspec.json.encode(value).decode()
            rows.append(f"| `{section.name}.{one.name}` | `{shown}` | {one.title} | {_cell(one.text + choices)} |")
        parts += [f"## {section.title}", section.text, "\n".join(head + rows)]
    return "\n\n".join(parts) + "\n"


def _rows(limits: dict[str, str]) -> list[str]:
    return [f"| {part} | {most} |" for part, most in limits.items()]


def metrics_page() -> str:
    """The page of all metrics."""
    rows = [
        f"| `{name}` | {figure.kind} | {', '.join(figure.processes)} "
        f"| {', '.join(f'`{label}`' for label in figure.labels)} | {figure.words} |"
        for name, figure in METRICS.items()
    ]
    rows += [
        f"| `{name}` | {'counter' if name.endswith('_total') else 'gauge'} | services | | {words} |"
        for name, words in PROCESS.items()
    ]
    head = ["| metric | kind | process | labels | meaning |", "|---|---|---|---|---|"]
    return "\n\n".join(["# Metrics", _NOTE, _SHOWN, "\n".join(head + rows)]) + "\n"


_SHOWN = (
    "A figure that cannot be measured at this moment is absent, and never what it was before. "
    "No label holds a text, a name or an id."
)


def index_page() -> str:
    """The page that leads to everything generated."""
    links = {
        "[Commands](commands.md)": "every command with its options and an example",
        "[Settings](settings.md)": "every setting with its flag, variable and default",
        "[Access to NATS](nats-access.md)": "what each role may say, ask, read and change, as tried on a real server",
        "[In the browser](in-the-browser.md)": "the page that does what a command does, or why there is none",
        "[The policy](policy.md)": "every setting of the policy with its shipped value and its meaning",
        "[Limits](limits.md)": "how large a fact, a line or a policy may be",
        "[Metrics](metrics.md)": "what each process shows at `/metrics`",
        "[Rights](rights.md)": "who may make which call of the gateway, as a test found it",
        "[openapi.json](openapi.json)": "the HTTP interface of the gateway; a running gateway shows it at `/api`",
        "[asyncapi.json](asyncapi.json)": "what the services listen to and publish on NATS; also at `/api/asyncapi`",
        "[schemas](schemas/example.captured.v1.json)": "a JSON Schema for each fact, named by its tag",
    }
    rows = [f"| {link} | {meaning} |" for link, meaning in links.items()]
    return "\n\n".join(["# Reference", _NOTE, "\n".join(["| page | content |", "|---|---|", *rows])]) + "\n"


def nats_access_page() -> str:
    """The page of what each role may do at the NATS server, as a real server answered."""
    table, parts = tried.table(), ["# Access to NATS", _NOTE, _TRIED]
    roles = [f"| {name} | {ROLES[name].does} | `{ROLES[name].account}` |" for name in NAMES]
    parts.append("\n".join(["| role | does | account |", "|---|---|---|", *roles]))
    groups = dict.fromkeys(attempt.group for attempt in tried.ATTEMPTS)
    for group in groups:
        names = [attempt.name.format(who="fact") for attempt in tried.ATTEMPTS if attempt.group == group]
        head = [f"| {group} | {' | '.join(tried.WHO)} |", "|---" * (len(tried.WHO) + 1) + "|"]
        rows = ["".join([f"| `{name}` |", *(_MARKS[table[name][who]] for who in tried.WHO)]) for name in names]
        parts.append("\n".join(head + rows))
    return "\n\n".join(parts) + "\n"


_MARKS = {"allowed": " yes |", "refused": " |"}

_TRIED = (
    "A test tries every line as every role on a real server. `yes`: the server let it through. Everything else is "
    "refused. Whoever is outside the account of the log was also tried with replies, deliver subjects and trace "
    "destinations that name a fact it may not say: none was stored."
)


def _paragraphs(command: click.Command) -> str:
    return "\n\n".join(_cell(part) for part in (command.help or "").split("\n\n"))


def _table(found: Iterable[click.Option]) -> str:
    rows = [f"| {_flags(option)} | {_cell(option.help or '')}{_limits(option)} |" for option in found]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _flags(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {' or '.join(f'`{choice}`' for choice in option.type.choices)}"
    return f"{names} `{option.make_metavar(click.Context(main)).replace('|', ' or ')}`"


def _limits(option: click.Option) -> str:
    is_told = option.show_default and option.default not in (None, ())
    return f" Default: `{option.default}`." * bool(is_told)


def _cell(text: str) -> str:
    return re.sub(r"([|\[])", r"\\\1", " ".join(text.split()))
