"""The gateway's routes: a module for each thing that callers do, with its `ROUTES`."""

from __future__ import annotations

import importlib
import pkgutil

from litestar import Router


def every() -> list[Router]:
    """The routes of every module of this package."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return [module.ROUTES for module in modules]
