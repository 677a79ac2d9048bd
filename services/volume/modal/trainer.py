"""A function deployed on Modal as the trainer: spawned once, followed by its call id."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ..trainer import Call, LostAnswer, Outcome
from ..volume import VolumeError
from .connection import Connection, inside

if TYPE_CHECKING:
    import modal

MISSING = "deploy it (`modal deploy`), or set ROOFLOG_MODAL_APP and ROOFLOG_MODAL_FUNCTION"

LONGEST = 500
"""Characters of a result or an error that are handed on."""


class ModalTrainer:
    """The deployed function of an app; what it does with its arguments is its own business."""

    def __init__(self, app: str, function: str, connection: Connection) -> None:
        self.name = f"{app}/{function} on Modal"
        self._app = app
        self._function = function
        self._connection = connection

    async def spawn(self, **arguments: str | int) -> str:
        """See `Trainer.spawn`."""
        function = await self._deployed()
        import modal.exception

        try:
            call = await self._connection.step(f"start {self.name}", function.spawn.aio(**arguments), missing=MISSING)
        except VolumeError as error:
            refused = isinstance(
                error.__cause__, modal.exception.ResourceExhaustedError | modal.exception.ConflictError
            )
            if refused or not error.retryable:
                raise
            raise LostAnswer(
                f"{error}; it may have been started all the same: look at `modal app logs {self._app}` first"
            ) from error
        return call.object_id

    async def calls(self) -> list[Call] | None:
        """See `Trainer.calls`.

        Modal answers this to its own pages and has no public interface for it: None as soon as it does not.
        """
        function = await self._deployed()
        import modal.exception

        client = await self._connection.client()
        try:
            return await self._connection.step(f"list the calls of {self.name}", inside(_calls, client, function))
        except VolumeError as error:
            cause = error.__cause__
            if isinstance(cause, modal.exception.UnimplementedError | modal.exception.PermissionDeniedError):
                return None
            if isinstance(cause, AttributeError):
                return None
            raise

    async def outcome(self, call_id: str, timeout: float) -> tuple[Outcome, str]:
        """See `Trainer.outcome`."""
        client = await self._connection.client()
        import modal

        call = modal.FunctionCall.from_id(call_id, client=client)
        deadline = self._connection.seconds + timeout
        return await self._connection.step(
            f"follow call {call_id}",
            _outcome(call, timeout),
            seconds=deadline,
            missing="the call belongs to another workspace, or Modal has forgotten it",
        )

    async def _deployed(self) -> modal.Function[..., Any, Any]:
        client = await self._connection.client()
        import modal

        environment = self._connection.environment
        function = modal.Function.from_name(self._app, self._function, environment_name=environment, client=client)
        where = f"{self._app}/{self._function} in {self._connection.where}"
        await self._connection.step(f"find {where}", function.hydrate.aio(), missing=MISSING)
        return function

    async def close(self) -> None:
        """See `Trainer.close`."""
        await self._connection.close()


async def _calls(client: Any, function: Any) -> list[Call]:
    from modal_proto import api_pb2

    request = api_pb2.FunctionCallListRequest(function_id=function.object_id)
    answer = await client._stub.FunctionCallList(request)
    return [Call(call.function_call_id, call.created_at) for call in answer.function_calls]


async def _outcome(call: Any, timeout: float) -> tuple[Outcome, str]:
    """How a call stands.

    Modal's client raises the function's own exception, which may be of any type, even one that it raises itself when
    it cannot reach the server. The place where it was raised tells them apart: the call's result, or anything else.
    """
    import modal.exception

    try:
        return "succeeded", _short(await call.get.aio(timeout=timeout))
    except modal.exception.OutputExpiredError:
        return "failed", "Modal no longer keeps how this call ended"
    except Exception as error:
        raised_in = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        if "blob_download" in raised_in:
            raise
        cause = {frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)} if error.__cause__ else ()
        if "deserialize_data_format" in raised_in or "deserialize_data_format" in cause:
            return "succeeded", f"a result that cannot be read here: {_short(error)}"
        if "_process_result" in raised_in:
            return "failed", _short(f"{type(error).__name__}: {error}")
        if isinstance(error, TimeoutError):
            return "running", "it has not ended yet"
        raise


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
