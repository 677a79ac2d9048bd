"""Options of the test run."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # no test depends on how fast the machine is


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="skip tests marked slow; fold each story one way only")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        os.environ["ROOFLOG_QUICK"] = "1"  # tests/projections/given.py reads it


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)


class AtOnce:
    """Names what fails when it fails: a run that is broken off has no summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_line(f"{report.when} failed: {report.nodeid}", red=True)


def pytest_sessionstart(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
    if terminal:
        session.config.pluginmanager.register(AtOnce(terminal))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    has_failed = terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")
    if has_failed and config.pluginmanager.hasplugin("randomly"):
        terminalreporter.write_line(f"this order again: --randomly-seed={config.getoption('randomly_seed')}")
