"""The table of commands in the browser: where a page does what a command does, or why no page does."""

from __future__ import annotations

from msgspec import Struct

from services.web.access.tokens import Role


class Page(Struct, frozen=True):
    """Where a page does it: its path, the HTTP call behind, the button for it, and the least role that may.

    Without a button the page makes the call when it is opened.
    """

    path: str
    call: str
    button: str | None = None
    by: Role = "reviewer"


class Machine(Struct, frozen=True):
    """Why it is done on the machine and nowhere else."""

    why: str


_INTRODUCTION = """`make docs` writes this page from the code; do not edit it. A test opens every page that it names.

What each command does, a page does with the HTTP call behind it, or the command belongs to the machine."""

_EXAMPLE = "/examples/{example_id}"
_RUNS = Machine("it starts or changes processes of the machine")
_DISKS = Machine("it works on disks of the machine, with secrets that the gateway does not have")
_WITHOUT_LOG = Machine("it judges files where there is no installation yet")
_SERVER = Machine("it is about the NATS server, whose secrets the gateway does not have")
_ASSISTANT = Machine("an assistant says it, by the client or the HTTP API")

PLACES: dict[str, Page | Machine] = {
    "rooflog up": _RUNS,
    "rooflog demo": _RUNS,
    "rooflog import": Page("/imports", "POST /imports", "Show what would come of it", "operator"),
    "rooflog capture": _ASSISTANT,
    "rooflog feedback": _ASSISTANT,
    "rooflog correct": Page("/review", f"POST {_EXAMPLE}/edit", "Edit"),
    "rooflog queue": Page("/review", "GET /review"),
    "rooflog show": Page(_EXAMPLE, "GET /review/{example_id}", by="auditor"),
    "rooflog approve": Page("/review", f"POST {_EXAMPLE}/approve", "Approve"),
    "rooflog reject": Page("/review", f"POST {_EXAMPLE}/reject", "Reject"),
    "rooflog reopen": Page("/review", f"POST {_EXAMPLE}/reopen", "Approve"),
    "rooflog undo": Page("/review", "POST /decisions/undo", "Approve"),
    "rooflog edit": Page("/review", f"POST {_EXAMPLE}/edit", "Edit"),
    "rooflog describe": Page(_EXAMPLE, f"POST {_EXAMPLE}/describe", "Tags"),
    "rooflog note": Page(_EXAMPLE, f"POST {_EXAMPLE}/notes", "Note"),
    "rooflog inbox": Page("/notes", "GET /notes"),
    "rooflog tags list": Page("/review", "GET /review/facets"),
    "rooflog tags rename": Page("/examples?tag=flashing", "POST /tags/rename", "Rename this tag"),
    "rooflog redact": Page("/review", f"POST {_EXAMPLE}/redact", "Redact words"),
    "rooflog analyze": _WITHOUT_LOG,
    "rooflog duplicates": _WITHOUT_LOG,
    "rooflog stats": Page("/", "GET /stats", by="auditor"),
    "rooflog export": Page("/exports", "POST /exports", "Export data", "operator"),
    "rooflog train": Page("/exports", "POST /trainings", "Trigger training", "operator"),
    "rooflog exports": Page("/exports", "GET /exports", by="auditor"),
    "rooflog lineage": Page("/exports", "GET /lineage", "Trace", "auditor"),
    "rooflog history": Page(_EXAMPLE, f"GET {_EXAMPLE}/history", by="auditor"),
    "rooflog replay": Page("/replay", "GET /log", by="auditor"),
    "rooflog status": Page("/", "GET /status", by="auditor"),
    "rooflog doctor": Machine("it looks at disks, ports and files of the machine"),
    "rooflog policy show": Page("/policies", "GET /policies", by="auditor"),
    "rooflog policy diff": Page("/policies", "GET /policies", by="auditor"),
    "rooflog policy preview": Page("/policies", "POST /policies/preview", "Preview the change"),
    "rooflog policy adopt": Page("/policies", "POST /policies", "Preview the change", "operator"),
    "rooflog policy history": Page("/policies", "GET /policies", by="auditor"),
    "rooflog policy revert": Page("/policies", "POST /policies", "Preview the change", "operator"),
    "rooflog quarantine list": Page("/quarantine", "GET /quarantine", by="auditor"),
    "rooflog quarantine show": Page("/quarantine", "GET /quarantine", by="auditor"),
    "rooflog quarantine retry": Page("/quarantine", "POST /quarantine/retry", "Fold what this version can", "operator"),
    "rooflog held": Page("/proofs", "POST /holdings", "Look through the log", "operator"),
    "rooflog erase": Machine("it cannot be undone, and the gateway's account at the log may delete nothing"),
    "rooflog verify": Page("/proofs", "POST /verifications", "Verify the log", "operator"),
    "rooflog audit": Page("/proofs", "POST /audits", "Make it anew and compare", "operator"),
    "rooflog backup": _DISKS,
    "rooflog restore": _DISKS,
    "rooflog rebuild": _RUNS,
    "rooflog projector": _RUNS,
    "rooflog exporter": _RUNS,
    "rooflog web": _RUNS,
    "rooflog token add": Page("/people", "POST /tokens", "Make a token", "operator"),
    "rooflog token list": Page("/people", "GET /tokens", by="operator"),
    "rooflog token remove": Page("/people", "DELETE /tokens/{name}", "Remove ann", "operator"),
    "rooflog tenant add": _RUNS,
    "rooflog tenant list": _RUNS,
    "rooflog tenant close": _RUNS,
    "rooflog secrets create": _SERVER,
    "rooflog secrets list": _SERVER,
    "rooflog secrets rotate": _SERVER,
    "rooflog nats-config": _SERVER,
    "rooflog stream": _SERVER,
    "rooflog asyncapi": Machine("the gateway shows it at `/api/asyncapi`"),
}
"""Every command of the command line."""


def page() -> str:
    """The document with the table."""
    rows = [f"| `{command}` | {_words(place)} |" for command, place in PLACES.items()]
    table = "\n".join(["| command | where |", "|---|---|", *rows])
    return "\n\n".join(["# In the browser", _INTRODUCTION, table]) + "\n"


def _words(place: Page | Machine) -> str:
    match place:
        case Page():
            path, call = place.path.replace("{example_id}", "ID"), place.call.replace("{example_id}", "ID")
            way = f", *{place.button}*" if place.button else ""
            return f"page `{path}`{way}: `{call}`"
        case Machine():
            return f"on the machine alone: {place.why}"
