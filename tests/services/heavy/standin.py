"""Modal's server as far as a map goes: inputs are put, containers work on them, outputs are fetched and then cleared.

A container is a process. One that is killed fails its input as an internal failure, which Modal's client sees as such.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web
from modal_proto import api_pb2

from services.heavy.on_modal import APP, FUNCTION
from tests.services.volume.modal.standin import StandIn

INLINE = 2 * 2**20
"""Bytes of a result that come with the answer; a larger one is a blob."""


def work(arguments: bytes) -> bytes:
    """What a container does with an input: it runs the function of the app."""
    from services.heavy import modal_app

    args, kwargs = pickle.loads(arguments)  # noqa: S301
    return pickle.dumps(modal_app.perform.local(*args, **kwargs))


class MapStandIn(StandIn):
    """A server with the app of heavy work, and so many containers. What is too large to come inline stays a blob."""

    def __init__(self, directory: Path, containers: int = 2) -> None:
        super().__init__(directory, functions=(f"{APP}/{FUNCTION}",))
        self.containers = containers
        self.pool = self._started()
        self.under_way: set[asyncio.Task[None]] = set()
        self.is_held = False
        """Whether no container begins with anything, after the first map, which tries whether there are some."""
        self.held: dict[str, list[api_pb2.FunctionGetOutputsItem]] = {}
        """Outputs by the map that they belong to, until it is over."""
        self._inputs: dict[str, int] = {}
        self._arrived_output = asyncio.Condition()
        self._answers["FunctionPutInputs"] = self._put_inputs
        self._answers["BlobGet"] = self._blob_get

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.containers, multiprocessing.get_context("spawn"))

    async def _call(self, request: api_pb2.FunctionMapRequest, kind: str, metadata: dict[str, Any]) -> Any:
        assert request.function_call_type == api_pb2.FUNCTION_CALL_TYPE_MAP
        call_id = f"fc-{len(self._inputs)}"
        self._inputs[call_id], self.held[call_id] = 0, []
        return api_pb2.FunctionMapResponse(function_call_id=call_id, max_inputs_outstanding=1000)

    async def _put_inputs(self, request: api_pb2.FunctionPutInputsRequest, kind: str, _: Any) -> Any:
        call_id, items = request.function_call_id, []
        for item in request.inputs:
            arguments = item.input.args
            if item.input.args_blob_id:
                blob = self.directory / "blobs" / item.input.args_blob_id
                arguments = blob.read_bytes()
            input_id = f"in-{call_id}-{item.idx}"
            task = asyncio.create_task(self._contain(call_id, item.idx, input_id, arguments))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            items.append(api_pb2.FunctionPutInputsResponseItem(idx=item.idx, input_id=input_id, input_jwt="jwt"))
        return api_pb2.FunctionPutInputsResponse(inputs=items)

    async def _contain(self, call_id: str, idx: int, input_id: str, arguments: bytes) -> None:
        status = api_pb2.GenericResult
        while self.is_held and call_id != "fc-0":
            await asyncio.sleep(0.01)
        try:
            data = await asyncio.wrap_future(self._submitted(arguments))
            result = status(status=status.GENERIC_STATUS_SUCCESS)
            if len(data) > INLINE:
                blob_id = f"{input_id}-out"
                (self.directory / "blobs" / blob_id).write_bytes(data)
                result.data_blob_id = blob_id
            else:
                result.data = data
        except BrokenExecutor:
            result = status(status=status.GENERIC_STATUS_INTERNAL_FAILURE, exception="the container was killed")
        except Exception as error:
            result = status(
                status=status.GENERIC_STATUS_FAILURE, exception=repr(error), data=pickle.dumps(error), traceback=""
            )
        output = api_pb2.FunctionGetOutputsItem(
            result=result, idx=idx, input_id=input_id, data_format=api_pb2.DATA_FORMAT_PICKLE
        )
        async with self._arrived_output:
            self.held[call_id].append(output)
            self._arrived_output.notify_all()

    def _submitted(self, arguments: bytes) -> Any:
        try:
            return self.pool.submit(work, arguments)
        except BrokenExecutor:
            self.pool = self._started()
            return self.pool.submit(work, arguments)

    async def _outputs(self, request: api_pb2.FunctionGetOutputsRequest, kind: str, _: Any) -> Any:
        call_id = request.function_call_id
        if request.clear_on_success:
            del self.held[call_id]
            return api_pb2.FunctionGetOutputsResponse()
        seen = int(request.last_entry_id.partition("-")[0])
        async with self._arrived_output:
            await self._arrived_output.wait_for(lambda: len(self.held[call_id]) > seen)
        outputs = self.held[call_id][seen:]
        return api_pb2.FunctionGetOutputsResponse(outputs=outputs, last_entry_id=f"{seen + len(outputs)}-0")

    async def _blob_get(self, request: api_pb2.BlobGetRequest, kind: str, _: Any) -> Any:
        return api_pb2.BlobGetResponse(download_url=f"{self.control}/blob/{request.blob_id}")

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/blob/{name}", self._blob)]

    async def _blob(self, request: web.Request) -> web.Response:
        return web.Response(body=(self.directory / "blobs" / request.match_info["name"]).read_bytes())
