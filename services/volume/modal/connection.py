"""The connection to Modal: one client, a deadline for every step, and one kind of error."""

from __future__ import annotations

import importlib.util
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from events.deadline import within

from ..volume import VolumeError
from . import NEEDS

if TYPE_CHECKING:
    import modal

T = TypeVar("T")

CLOSE_SECONDS = 5.0

INSTALL = f"pip install '{NEEDS}'"

THROUGH_PROXY = NEEDS.replace("modal", "modal[api-proxy-support]")


class Connection:
    """Modal, as the environment's credentials see it (`MODAL_TOKEN_ID`, `MODAL_TOKEN_SECRET` or `~/.modal.toml`)."""

    def __init__(self, environment: str | None, seconds: float) -> None:
        """`seconds` is the deadline of a step: no call of Modal's client has one of its own."""
        self.environment = environment
        self.seconds = seconds
        self._client: modal.Client | None = None

    @property
    def where(self) -> str:
        """The environment, for messages."""
        return f"environment {self.environment!r}" if self.environment else "the default environment"

    async def client(self) -> modal.Client:
        """The one client, connected; objects of Modal are looked up with it alone."""
        if self._client is None or self._client.is_closed():
            client: modal.Client = await self.step("connect", _modal().Client.from_env.aio())
            self._client = client
        return self._client

    async def step(self, what: str, work: Awaitable[T], *, seconds: float | None = None, missing: str = "") -> T:
        """Wait for one step with Modal, `seconds` at most, and raise what goes wrong as VolumeError.

        `missing` says what to do where Modal does not know what the step names.
        """
        limit = seconds or self.seconds
        try:
            return await within(limit, work)
        except Exception as error:
            raise as_volume_error(error, what, limit, missing) from error

    async def close(self) -> None:
        """Close the client; the next step opens another client."""
        if self._client is not None and not self._client.is_closed():
            await self.step("close the connection", self._client.close.aio(), seconds=CLOSE_SECONDS)
        self._client = None


async def inside(work: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run a coroutine function where Modal's client runs: in the event loop of a thread of its own.

    Modal's objects among the arguments arrive as the ones behind its public interface.
    """
    from modal._utils.async_utils import synchronize_api

    result: T = await synchronize_api(work, target_module=__name__).aio(*arguments)  # type: ignore[no-untyped-call]
    return result


def as_volume_error(error: Exception, what: str, seconds: float, missing: str = "") -> VolumeError:
    """Any error of Modal's client as a VolumeError; the client raises types of its own, of Python, gRPC and HTTP."""
    if isinstance(error, VolumeError):
        return error
    exceptions = _modal().exception
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    advice, retryable = "", True
    if isinstance(error, TimeoutError):
        text, advice = (
            f"not done after {seconds:.3g} s",
            "is the network up? ROOFLOG_MODAL_SECONDS allows a step longer",
        )
    elif isinstance(error, exceptions.AuthError):
        advice, retryable = "set both MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, or run `modal token new`", False
    elif isinstance(error, exceptions.PermissionDeniedError):
        advice, retryable = "the token's workspace does not allow this", False
    elif isinstance(error, exceptions.NotFoundError):
        advice, retryable = missing, False
    elif isinstance(error, exceptions.VersionError | exceptions.UnimplementedError):
        advice, retryable = f"install the version that this rooflog is made for: {INSTALL}", False
    elif isinstance(error, exceptions.ConflictError):
        advice = "something else is changing it"
    elif isinstance(error, exceptions.InvalidError | FileExistsError | FileNotFoundError | PermissionError):
        retryable = False
    return VolumeError(f"Modal: cannot {what}: {text}{f'; {advice}' if advice else ''}", retryable=retryable)


def check() -> None:
    """Raise VolumeError where Modal's client is not installed, misconfigured, or cannot go through the proxy."""
    modal = _modal()
    try:
        secure = urllib.parse.urlparse(modal.config.config["server_url"]).scheme != "http"
        around = modal.config.config["disable_api_proxy"]
    except modal.exception.InvalidError as error:
        raise VolumeError(f"Modal: {error}", retryable=False) from error
    proxies = urllib.request.getproxies()
    proxy = proxies.get("https") or proxies.get("all") or (None if secure else proxies.get("http"))
    installed = all(importlib.util.find_spec(name) for name in ("python_socks", "aiohttp_socks"))
    if proxy and not around and not installed:
        raise VolumeError(
            f"Modal: the environment names a proxy ({_without_password(proxy)}); set MODAL_DISABLE_API_PROXY=1 to go "
            f"around it, or install what goes through it: pip install '{THROUGH_PROXY}'",
            retryable=False,
        )


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _modal() -> Any:
    try:
        import modal
        import modal.exception
    except ImportError as error:
        raise VolumeError(f"Modal's client is not installed ({error}): {INSTALL}", retryable=False) from error
    except Exception as error:
        raise VolumeError(f"Modal: {' '.join(str(error).split())}", retryable=False) from error
    return modal
