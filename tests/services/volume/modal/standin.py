"""A local server that speaks as much of Modal's protocol as rooflog uses, so that the real client can be tested.

The RPCs of v1 and v2 volumes and of calling a function, and the HTTP endpoint that file contents go through. Everything
else answers UNIMPLEMENTED and is kept in `unexpected`. Faults are injected per step; a step is the RPC's name, or
BlobPut, BlockPut, BlockGet for HTTP. All it has seen is in its directory: `files/VOLUME/…`, `blobs/SHA256`,
`requests.jsonl` and `calls.jsonl`, so that another process can look.

`python -m tests.services.volume.modal.standin --directory DIR` runs it alone and prints the two URLs: the one for
MODAL_SERVER_URL, and one for control over HTTP (`POST /faults`, `POST /outcomes`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import json
import pickle
import shutil
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

import modal
import modal.client
import msgspec
import pytest
from aiohttp import web
from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from grpclib.server import Server, Stream
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from tests.deadlines import FAR_SECONDS

BLOCK = 8 * 1024 * 1024
"""Block size of v2 volumes and of downloads."""

TOKEN = ("ak-standin", "as-standin")

VOLUME = "roofing-training-data"

T = TypeVar("T")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong at a step: the first `skip` times nothing, then `times` times `kind` (0: for ever).

    `status` answers with the gRPC status `detail` (over HTTP: its number); `hang` never answers; `cut` breaks the
    connection, in the middle of a body where there is one; `lost` carries the request out and then breaks the
    connection; `half` carries half of it out and answers UNAVAILABLE; `slow` waits `seconds` first; `wrong` answers
    what a broken server would.
    """

    step: str
    kind: str
    times: int = 0
    skip: int = 0
    detail: str = "UNAVAILABLE"
    seconds: float = 0.0
    arrivals: int = 0

    @property
    def is_stuck(self) -> bool:
        """Has the client met all that this fault does? One that hangs shows it once, others when it tries again."""
        return not self.times and self.arrivals >= (1 if self.kind == "hang" else 2)


class StandIn:
    """The server; `async with StandIn(directory).running()` and give `environment` to the client."""

    def __init__(
        self,
        directory: Path,
        volumes: dict[str, int] | None = None,
        functions: tuple[str, ...] = ("roofing-training/fine_tune_roofing_model",),
        port: int = 0,
    ) -> None:
        self.directory = directory
        self.volumes = {VOLUME: 1} if volumes is None else volumes
        self.missing_environments: set[str] = set()
        self.functions = functions
        self.port = port
        self.faults: list[Fault] = []
        self.steps: list[str] = []
        self.unexpected: list[str] = []
        self.outcomes: dict[str, api_pb2.GenericResult] = {}
        self.transfers = 0
        self.stuck = asyncio.Event()
        self.deadlines: list[float] = []
        self._ended = asyncio.Event()
        for name in ("files", "blobs"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        calls = directory / "calls.jsonl"
        self.calls: list[dict[str, Any]] = (
            [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        )
        self._answers: dict[str, Callable[..., Awaitable[Any]]] = {
            "VolumeGetOrCreate": self._volume,
            "MountPutFile": self._mount_put_file,
            "BlobCreate": self._blob_create,
            "VolumePutFiles": self._put_files,
            "VolumePutFiles2": self._put_files_2,
            "VolumeGetFile2": self._get_file,
            "VolumeListFiles": functools.partial(self._list_files, api_pb2.VolumeListFilesResponse),
            "VolumeListFiles2": functools.partial(self._list_files, api_pb2.VolumeListFiles2Response),
            "VolumeRemoveFile": self._remove_file,
            "VolumeRemoveFile2": self._remove_file,
            "FunctionGet": self._function,
            "FunctionMap": self._call,
            "FunctionGetOutputs": self._outputs,
            "FunctionCallList": self._call_list,
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[StandIn]:
        """Serve on loopback until the block ends."""
        server = Server([self])
        await server.start("127.0.0.1", self.port)
        self.port = server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        application = web.Application()
        application.add_routes(self.routes())
        runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.control = site._server.sockets[0].getsockname()  # type: ignore[union-attr]
        self.control = f"http://127.0.0.1:{self.control[1]}"
        try:
            yield self
        finally:
            await _forget_client()
            self._ended.set()
            server.close()
            await runner.cleanup()
            await server.wait_closed()

    def routes(self) -> list[web.RouteDef]:
        """What is answered over HTTP."""
        return [
            web.put("/blob/{name}", functools.partial(self._http, "BlobPut", self._blob_put)),
            web.put("/block/{name}", functools.partial(self._http, "BlockPut", self._block_put)),
            web.get("/content/{volume}/{path:.*}", functools.partial(self._http, "BlockGet", self._content)),
            web.post("/faults", self._add_faults),
            web.post("/outcomes", self._add_outcome),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point the real client here."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}",
            "MODAL_TOKEN_ID": TOKEN[0],
            "MODAL_TOKEN_SECRET": TOKEN[1],
            "MODAL_DISABLE_API_PROXY": "1",
            "MODAL_CONFIG_PATH": str(self.directory / "no.toml"),
        }

    def fail(self, step: str, kind: str, **more: Any) -> None:
        """Inject a fault from now on."""
        self.faults.append(Fault(step, kind, **more))

    def mend(self) -> None:
        """Let no step fail any more."""
        self.faults.clear()
        self.stuck.clear()

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Stand in for `deadline.within`: the deadline has passed as soon as the client is stuck in a fault.

        So a step that fails never waits, and one that does not fail has all the time it takes. `deadlines` keeps what
        was asked for.
        """
        self.deadlines.append(seconds)
        working, stuck = asyncio.ensure_future(work), asyncio.ensure_future(self.stuck.wait())
        try:
            await asyncio.wait([working, stuck], timeout=FAR_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            self.stuck.clear()
            raise TimeoutError
        finally:
            stuck.cancel()
            working.cancel()
            await asyncio.gather(working, stuck, return_exceptions=True)

    def finish(self, call_id: str, value: Any = None, error: BaseException | None = None) -> None:
        """Let a call end with a value, or with an exception as its container would send it."""
        result = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS, data=pickle.dumps(value))
        if error is not None:
            result = api_pb2.GenericResult(
                status=api_pb2.GenericResult.GENERIC_STATUS_FAILURE, exception=repr(error), data=pickle.dumps(error)
            )
        self.outcomes[call_id] = result

    def files(self, volume: str = VOLUME) -> dict[str, bytes]:
        """Everything on a volume."""
        root = self.directory / "files" / volume
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    # What grpclib asks for: the handler of every RPC there is.
    def __mapping__(self) -> Any:
        serve = self._serve

        class Every:
            def __getattr__(self, name: str) -> Any:
                return functools.partial(serve, name)

        return ModalClientBase.__mapping__(Every())  # type: ignore[arg-type]

    async def _serve(self, step: str, stream: Stream[Any, Any]) -> None:
        fault = self._arrived(step)
        kind = fault.kind if fault else ""
        request = await stream.recv_message()
        if kind == "cut":
            self._cut(stream)
        if kind == "hang":
            await self._ended.wait()
        if fault and kind == "status":
            raise GRPCError(Status[fault.detail], f"injected {fault.detail}")
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        if step not in self._answers:
            self.unexpected.append(step)
            raise GRPCError(Status.UNIMPLEMENTED, f"{step} is not one of rooflog's RPCs")
        metadata = dict(stream.metadata or {})
        if (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")) != TOKEN:
            raise GRPCError(Status.UNAUTHENTICATED, "Token ID not found")
        answer = await self._answers[step](request, kind, metadata)
        if kind == "lost":
            self._cut(stream)
        for message in answer if isinstance(answer, list) else [answer]:
            await stream.send_message(message)

    def _arrived(self, step: str) -> Fault | None:
        self.steps.append(step)
        self._append("requests.jsonl", {"step": step})
        for fault in self.faults:
            if fault.step != step:
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            if fault.times == 1:
                self.faults.remove(fault)
            fault.arrivals += 1
            if fault.is_stuck:
                self.stuck.set()
            fault.times -= 1 if fault.times else 0
            return fault
        return None

    @staticmethod
    def _cut(stream: Stream[Any, Any]) -> NoReturn:
        stream._stream._transport.abort()
        raise asyncio.CancelledError

    def _append(self, name: str, line: dict[str, Any]) -> None:
        with (self.directory / name).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def _place(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.directory, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)

    # Volumes.
    async def _volume(self, request: api_pb2.VolumeGetOrCreateRequest, kind: str, _: Any) -> Any:
        name = request.deployment_name
        where = request.environment_name
        if where in self.missing_environments:
            raise GRPCError(Status.NOT_FOUND, f"Environment '{where}' not found")
        if request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
            self.volumes.setdefault(name, 1)
        if name not in self.volumes:
            raise GRPCError(Status.NOT_FOUND, f"Volume '{name}' not found in environment '{where}'")
        metadata = api_pb2.VolumeMetadata(version=self.volumes[name], name=name)  # type: ignore[arg-type]
        return api_pb2.VolumeGetOrCreateResponse(volume_id=f"vo-{name}", metadata=metadata)

    def _root(self, volume_id: str) -> Path:
        name = volume_id.removeprefix("vo-")
        if name not in self.volumes:
            raise GRPCError(Status.NOT_FOUND, f"Volume {volume_id} not found")
        return self.directory / "files" / name

    async def _mount_put_file(self, request: api_pb2.MountPutFileRequest, kind: str, _: Any) -> Any:
        blob = self.directory / "blobs" / request.sha256_hex
        if request.WhichOneof("data_oneof") and kind != "wrong":
            content = request.data
            if request.data_blob_id:
                content = (self.directory / "blobs" / request.data_blob_id).read_bytes()
            if hashlib.sha256(content).hexdigest() != request.sha256_hex:
                raise GRPCError(Status.INVALID_ARGUMENT, "content does not have that digest")
            self._place(blob, content)
        return api_pb2.MountPutFileResponse(exists=blob.exists())

    async def _blob_create(self, request: api_pb2.BlobCreateRequest, kind: str, _: Any) -> Any:
        blob_id = f"bl-{len(self.steps)}"
        urls = api_pb2.UploadUrlList(items=[f"{self.control}/blob/{blob_id}"])
        return api_pb2.BlobCreateResponse(blob_id=blob_id, blob_ids=[blob_id], upload_urls=urls)

    async def _put_files(self, request: api_pb2.VolumePutFilesRequest, kind: str, _: Any) -> Any:
        root = self._root(request.volume_id)
        blobs = [self.directory / "blobs" / file.sha256_hex for file in request.files]
        if not all(blob.exists() for blob in blobs):
            raise GRPCError(Status.INVALID_ARGUMENT, "a file's content is not there")
        self._put(
            root,
            {file.filename: blob.read_bytes() for file, blob in zip(request.files, blobs, strict=True)},
            request.disallow_overwrite_existing_files,
            kind,
        )
        return Empty()

    async def _put_files_2(self, request: api_pb2.VolumePutFiles2Request, kind: str, _: Any) -> Any:
        root = self._root(request.volume_id)
        missing = [
            api_pb2.VolumePutFiles2Response.MissingBlock(
                file_index=i, block_index=j, put_url=f"{self.control}/block/{block.contents_sha256.hex()}"
            )
            for i, file in enumerate(request.files)
            for j, block in enumerate(file.blocks)
            if kind == "wrong" or not (self.directory / "blobs" / block.contents_sha256.hex()).exists()
        ]
        if not missing:
            contents = {}
            for file in request.files:
                blocks = [(self.directory / "blobs" / b.contents_sha256.hex()).read_bytes() for b in file.blocks]
                contents[file.path] = b"".join(b.ljust(BLOCK, b"\0") for b in blocks)[: file.size]
            self._put(root, contents, request.disallow_overwrite_existing_files, kind)
        return api_pb2.VolumePutFiles2Response(missing_blocks=missing)

    def _put(self, root: Path, contents: dict[str, bytes], keep: bool, kind: str) -> None:
        targets = {root / name.lstrip("/"): content for name, content in sorted(contents.items())}
        for target in targets:
            if target.is_dir() or (keep and target.exists()):
                raise GRPCError(Status.ALREADY_EXISTS, f"{target.relative_to(root)} already exists")
        for number, (target, content) in enumerate(targets.items()):
            if kind == "half" and number >= len(targets) / 2:
                raise GRPCError(Status.UNAVAILABLE, "injected: half of the files are in place")
            self._place(target, content)

    async def _get_file(self, request: api_pb2.VolumeGetFile2Request, kind: str, _: Any) -> Any:
        root = self._root(request.volume_id)
        path = root / request.path.lstrip("/")
        if path.is_dir():
            raise GRPCError(Status.INVALID_ARGUMENT, f"{request.path} is a directory")
        if not path.exists():
            raise GRPCError(Status.NOT_FOUND, f"{request.path} not found")
        size = path.stat().st_size
        place = f"{self.control}/content/{root.name}/{quote(request.path.lstrip('/'))}"
        urls = [f"{place}?start={start}" for start in range(0, size, BLOCK)]
        return api_pb2.VolumeGetFile2Response(get_urls=urls, size=size, start=0, len=size)

    async def _list_files(self, answer: Any, request: Any, kind: str, _: Any) -> Any:
        root = self._root(request.volume_id)
        start = root / request.path.strip("/")
        if not start.exists() and start != root:
            raise GRPCError(Status.NOT_FOUND, f"{request.path} not found")
        entries = [
            api_pb2.FileEntry(
                path=path.relative_to(root).as_posix(),
                type=api_pb2.FileEntry.DIRECTORY if path.is_dir() else api_pb2.FileEntry.FILE,
                size=0 if path.is_dir() else path.stat().st_size,
            )
            for path in sorted(start.rglob("*") if request.recursive else start.glob("*"))
        ]
        return [answer(entries=entries[i : i + 2]) for i in range(0, len(entries), 2)]

    async def _remove_file(self, request: Any, kind: str, _: Any) -> Any:
        root = self._root(request.volume_id)
        path = root / request.path.strip("/")
        if not path.exists():
            raise GRPCError(Status.NOT_FOUND, f"{request.path} not found")
        if path.is_dir() and not request.recursive:
            raise GRPCError(Status.INVALID_ARGUMENT, f"{request.path} is a directory")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return Empty()

    # Functions.
    async def _function(self, request: api_pb2.FunctionGetRequest, kind: str, _: Any) -> Any:
        name = f"{request.app_name}/{request.object_tag}"
        if name not in self.functions:
            raise GRPCError(Status.NOT_FOUND, f"no function {name}")
        ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=api_pb2.Function())
        return api_pb2.FunctionGetResponse(
            function_id=f"fu-{self.functions.index(name)}",
            handle_metadata=api_pb2.FunctionHandleMetadata(
                function_name=request.object_tag, function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION
            ),
            function=api_pb2.FunctionData(ranked_functions=[] if kind == "wrong" else [ranked]),
        )

    async def _call(self, request: api_pb2.FunctionMapRequest, kind: str, metadata: dict[str, Any]) -> Any:
        key = metadata["x-idempotency-key"]
        known = [call for call in self.calls if call["key"] == key]
        if not known:
            args, kwargs = pickle.loads(request.pipelined_inputs[0].input.args)  # noqa: S301
            name = self.functions[int(request.function_id.removeprefix("fu-"))]
            call = {
                "call_id": f"fc-{len(self.calls)}",
                "function": name,
                "args": args,
                "kwargs": kwargs,
                "key": key,
                "created_at": time.time(),
            }
            self.calls.append(call)
            self._append("calls.jsonl", call)
            known = [call]
        return api_pb2.FunctionMapResponse(
            function_call_id=known[0]["call_id"],
            pipelined_inputs=[api_pb2.FunctionPutInputsResponseItem(idx=0, input_id="in-0", input_jwt="jwt")],
        )

    async def _call_list(self, request: api_pb2.FunctionCallListRequest, kind: str, _: Any) -> Any:
        name = self.functions[int(request.function_id.removeprefix("fu-"))]
        return api_pb2.FunctionCallListResponse(
            function_calls=[
                api_pb2.FunctionCallInfo(function_call_id=call["call_id"], created_at=call["created_at"])
                for call in self.calls
                if call["function"] == name
            ]
        )

    async def _outputs(self, request: api_pb2.FunctionGetOutputsRequest, kind: str, _: Any) -> Any:
        call_id = request.function_call_id
        if call_id not in {call["call_id"] for call in self.calls}:
            raise GRPCError(Status.NOT_FOUND, f"no call {call_id}")
        deadline = asyncio.get_running_loop().time() + request.timeout
        while call_id not in self.outcomes and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        if call_id not in self.outcomes:
            return api_pb2.FunctionGetOutputsResponse(num_unfinished_inputs=0 if kind == "wrong" else 1)
        item = api_pb2.FunctionGetOutputsItem(result=self.outcomes[call_id], data_format=api_pb2.DATA_FORMAT_PICKLE)
        return api_pb2.FunctionGetOutputsResponse(outputs=[item])

    # Contents, over HTTP.
    async def _http(
        self, step: str, answer: Callable[[web.Request, str], Awaitable[web.Response]], request: web.Request
    ) -> web.Response:
        fault = self._arrived(step)
        kind = fault.kind if fault else ""
        self.transfers += 1
        try:
            if fault and kind == "status":
                await request.content.read()
                return web.Response(status=int(fault.detail), text="injected")
            if kind == "hang":
                await request.content.read()
                await self._ended.wait()
            if kind == "cut":
                await request.content.readany()
                request.transport.abort()  # type: ignore[union-attr]
                return web.Response()
            if fault and kind == "slow":
                await asyncio.sleep(fault.seconds)
            return await answer(request, kind)
        finally:
            self.transfers -= 1

    async def _blob_put(self, request: web.Request, kind: str) -> web.Response:
        content = await request.content.read()
        self._place(self.directory / "blobs" / request.match_info["name"], content)
        etag = hashlib.md5(b"wrong" if kind == "wrong" else content).hexdigest()  # noqa: S324
        return web.Response(headers={"ETag": f'"{etag}"'})

    async def _block_put(self, request: web.Request, kind: str) -> web.Response:
        content, digest = await request.content.read(), request.match_info["name"]
        if hashlib.sha256(content).hexdigest() != digest:
            return web.Response(status=400, text="content does not have that digest")
        self._place(self.directory / "blobs" / digest, content)
        return web.Response(body=digest.encode())

    async def _content(self, request: web.Request, kind: str) -> web.Response:
        path = self.directory / "files" / request.match_info["volume"] / request.match_info["path"]
        start = int(request.query["start"])
        content = path.read_bytes()[start : start + BLOCK].rstrip(b"\0")
        digest = b64encode(hashlib.sha256(content).digest()).decode()
        body = content[:-1] + b"X" if kind == "wrong" else content
        return web.Response(body=body, headers={"Repr-Digest": f"sha-256=:{digest}:"})

    # Control, for tests in another process.
    async def _add_faults(self, request: web.Request) -> web.Response:
        self.faults[:] = msgspec.json.decode(await request.read(), type=list[Fault])
        return web.Response()

    async def _add_outcome(self, request: web.Request) -> web.Response:
        outcome = msgspec.json.decode(await request.read())
        error = RuntimeError(outcome["error"]) if "error" in outcome else None
        self.finish(outcome["call_id"], outcome.get("value"), error)
        return web.Response()


@contextlib.asynccontextmanager
async def served(directory: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """Put a stand-in with a volume of this version in Modal's place, for this process; it keeps the deadlines too."""
    standin = StandIn(directory, {VOLUME: version})
    async with standin.running():
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("services.volume.modal.connection.within", standin.within)
        yield standin
        assert standin.unexpected == []


async def _forget_client() -> None:
    """Close the client that Modal keeps for the whole process: the next server is another one."""
    if modal.client._Client._client_from_env is not None:
        client = await modal.Client.from_env.aio()
        await client.close.aio()


async def _main(arguments: argparse.Namespace) -> None:
    standin = StandIn(arguments.directory, {arguments.volume: arguments.version}, port=arguments.port)
    async with standin.running():
        print(standin.environment["MODAL_SERVER_URL"], flush=True)
        print(standin.control, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Stand in for Modal on loopback, until it is killed.")
    parser.add_argument("--directory", type=Path, required=True, help="where everything it sees is kept")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--volume", default=VOLUME)
    parser.add_argument("--version", type=int, choices=(1, 2), default=1, help="of the volume's file system")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))
