"""The fixtures of the services' tests."""

from tests.services.conftest import log, server

__all__ = ["log", "server"]
