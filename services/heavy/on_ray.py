"""Heavy work on a Ray cluster: each page is a task, and its result is fetched and forgotten there.

This machine is a node of the cluster, and every node has this rooflog installed.
"""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from projections.work.jobs import Driver, Lost, Order, Reply, Stopped, in_order, outcome, perform

from .failure import EngineError

if TYPE_CHECKING:
    from ..settings import Settings

CONNECT_SECONDS = 5.0
"""For the first connection to the cluster."""

JOIN_SECONDS = 60.0
"""How long it may take to join the cluster: Ray itself goes on trying for good."""

PAGE_SECONDS = 1_800.0
"""How long a page may take, with its wait for a free processor."""

UNDER_WAY = 2
"""Pages for each processor of the cluster: one is worked on, one waits."""

MOST = 64
"""Pages under way at most: with their results they take a few MiB each, on both sides."""


@contextmanager
def opened(settings: Settings, stopped: Event) -> Iterator[Driver]:
    """The cluster at `ray_address`, for as long as the context lasts; what is under way ends once `stopped`.

    Raises EngineError.
    """
    address = settings.ray_address
    if address is None:
        raise EngineError("set ROOFLOG_RAY_ADDRESS to the HOST:PORT of the Ray cluster's head (`ray start --head`)")
    try:
        import ray
    except ImportError as error:
        raise EngineError(f"Ray is not installed ({error}): pip install -r requirements-ray.lock") from error
    _reach(address)
    try:
        _join(ray, address)
    except Exception as error:
        raise EngineError(
            f"Ray at {address} lets this machine not in: {error}; make it a node of the cluster "
            f"(`ray start --address={address}`), with Ray {ray.__version__} on every node"
        ) from error
    try:
        yield _Cluster(ray, stopped)
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise EngineError(
            f"no Ray cluster answers at {address} ({error}); is ROOFLOG_RAY_ADDRESS right, and the head up?"
        ) from error


def _join(ray: Any, address: str) -> None:
    joined: Future[None] = Future()

    def join() -> None:
        try:
            ray.init(address, log_to_driver=False, configure_logging=False)
        except BaseException as error:
            joined.set_exception(error)
        else:
            joined.set_result(None)

    Thread(target=join, daemon=True).start()
    try:
        joined.result(JOIN_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"not done after {JOIN_SECONDS:g} s") from error


class _Cluster:
    """The driver of a cluster to which this process is connected."""

    def __init__(self, ray: Any, stopped: Event) -> None:
        self._ray = ray
        self._stopped = stopped
        # What is lost is given out again by whoever asks; a node may come and go, so that the number is a guess.
        self._perform = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(perform)
        self._under_way = max(2, min(UNDER_WAY * int(ray.cluster_resources().get("CPU", 1)), MOST))

    def __call__(self, orders: Iterator[Order]) -> Generator[Reply | Lost]:
        """See `Driver`."""
        return in_order(self._perform.remote, self._end, self._under_way, orders)

    def _end(self, reference: Any) -> Reply | Lost:
        try:
            reply: Reply = outcome(reference.future(), self._stopped, PAGE_SECONDS)
            return reply
        except Stopped:
            self._ray.cancel(reference, force=True)
            raise
        except TimeoutError:
            self._ray.cancel(reference, force=True)
            return Lost(f"it took longer than {PAGE_SECONDS:g} s; has the cluster a free processor?")
        except self._ray.exceptions.RayError as error:
            return Lost(str(error))
