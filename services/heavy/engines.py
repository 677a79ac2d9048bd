"""The registry of engines: a new engine is a module with a driver, and an entry here.

Every command reads the registry, so nothing of an engine is imported before it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event
from typing import TYPE_CHECKING

from msgspec import Struct

from ..volume import modal
from .failure import EngineError

if TYPE_CHECKING:
    from projections.work.jobs import Driver, Run

    from ..settings import Settings


def _on_ray(settings: Settings, stopped: Event) -> AbstractContextManager[Driver]:
    from .on_ray import opened

    return opened(settings, stopped)


def _on_modal(settings: Settings, stopped: Event) -> AbstractContextManager[Driver]:
    from .on_modal import opened

    return opened(settings, stopped)


class Engine(Struct, frozen=True, kw_only=True):
    """A place where heavy work is done, and how the settings open it; None is the processes of this machine."""

    name: str
    """The value of the setting `engine`, and of `--on`."""
    description: str
    driver: Callable[[Settings, Event], AbstractContextManager[Driver | None]]
    needs: str | None = None
    """What pip installs for it; the extra of this requirement has the name of the engine."""


_ENTRIES = (
    Engine(name="local", description="this machine", driver=lambda *_: nullcontext()),
    Engine(name="ray", description="a Ray cluster", driver=_on_ray, needs="ray>=2.50,<3"),
    Engine(name="modal", description="Modal", driver=_on_modal, needs=modal.NEEDS),
)

ENGINES = {engine.name: engine for engine in _ENTRIES}

CHOICES = " or ".join(f"{engine.name} ({engine.description})" for engine in _ENTRIES)
"""What the setting may be, for people."""


@contextmanager
def opened(settings: Settings, name: str | None = None, stopped: Event | None = None) -> Iterator[Run | None]:
    """An engine, that of the settings unless it is named, for as long as the context lasts.

    None stands for this machine, whose processes are started where there is much to do. Once `stopped` is set, whoever
    waits for another machine gets Stopped. Raises EngineError, before anything has begun, where a worker cannot be
    reached or has other code.
    """
    engine = ENGINES[name or settings.engine]
    with engine.driver(settings, stopped or Event()) as driver:
        if driver is None:
            yield None
            return
        from projections.work import jobs
        from projections.work.jobs import Error, Lost, Refusal, Result

        [reply] = driver(iter([jobs.order(jobs.check, None)]))
        match reply:
            case Result():
                yield jobs.on(driver)
            case Refusal(code):
                raise EngineError(jobs.other_code(f"{engine.description} is not used", code))
            case Error(why) | Lost(why):
                raise EngineError(f"{engine.description} does no work: {why}")
