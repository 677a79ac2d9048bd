"""Routes of imports: a file is uploaded, its preview is looked at, then it is imported or dropped."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, post
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from ..access.auth import may
from ..access.limits import SMALL_BYTES, UPLOAD, UPLOAD_BYTES
from ..errands import Entry
from ..gateway import Gate, Gateway
from .facts import Call

File = Annotated[str, PathParameter(pattern="^[0-9a-f]{1,64}$")]


class Uploaded(Struct, frozen=True):
    """A file that waits, and the work that says what would come of it: `GET /errands/{id}`."""

    file: str
    preview: Entry


class Dropped(Struct, frozen=True):
    """The file is not kept any more; `dropped` says whether it was there."""

    dropped: bool


@post(
    "/imports",
    status_code=201,
    summary="Upload a file for its import",
    opt={UPLOAD: True},
    request_max_body_size=UPLOAD_BYTES,
)
async def upload(
    gateway: Gate, request: Call, name: Annotated[str, QueryParameter(min_length=1, max_length=400)]
) -> Uploaded:
    """The body is the file as it is, declared as `application/octet-stream`; its ending says how to read it.

    Nothing is imported. The preview says which formats it has, and what would be new, known, changed and refused.
    A file that nobody imports for an hour goes.
    """
    length = request.headers.get("content-length", "")
    number = await gateway.uploads.take(name, request.stream(), int(length) if length.isdecimal() else None)
    return Uploaded(number, _errand(gateway, request, number, is_preview=True))


@post("/imports/{file:str}", status_code=202, summary="Import an uploaded file", request_max_body_size=SMALL_BYTES)
async def start(gateway: Gate, request: Call, file: File) -> Entry:
    """It goes on whoever looks; the file is removed after it. Importing again adds nothing."""
    return _errand(gateway, request, file, is_preview=False)


@delete("/imports/{file:str}", status_code=200, summary="Drop an uploaded file")
async def drop(gateway: Gate, file: File) -> Dropped:
    """Nothing of it was imported."""
    return Dropped(gateway.uploads.drop(file))


def _errand(gateway: Gateway, request: Call, file: str, *, is_preview: bool) -> Entry:
    path = gateway.uploads.path(file)
    return gateway.errands.start(
        "preview" if is_preview else "import",
        {"file": str(path)},
        request.user.name,
        about=path.name,
        after=lambda: is_preview or gateway.uploads.drop(file),
    )


ROUTES = Router("", route_handlers=[upload, start, drop], guards=[may("operate")], tags=["imports"])
"""Operators alone: a file says who approved what, and may name sources that approve by themselves."""
