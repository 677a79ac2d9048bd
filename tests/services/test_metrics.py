"""The registry of metrics: it follows the conventions of Prometheus, and what a process shows is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from services.metrics import EXPORTER_STATES, METRICS, Figure, gauge, is_of, of_disk, one_of
from services.monitor import exposition
from services.projector.metrics import BATCH

named = pytest.mark.parametrize(("name", "figure"), METRICS.items(), ids=list(METRICS))


def shown(text: str) -> dict[str, Metric]:
    """The families of rooflog in a text, by the names of the registry; those that tell when one began are left out."""
    families = text_string_to_metric_families(text)
    named = {f"{one.name}_total" if one.type == "counter" else one.name: one for one in families}
    return {name: one for name, one in named.items() if name.startswith("rooflog_") and not name.endswith("_created")}


def strange(text: str, process: str) -> list[str]:
    """The metrics of a text that are not what the registry says."""
    return [name for name, family in shown(text).items() if not _fits(family, METRICS.get(name), process)]


def absent(text: str, process: str) -> set[str]:
    """The metrics of a process that a text does not show."""
    return {name for name, figure in METRICS.items() if process in figure.processes} - shown(text).keys()


def _fits(family: Metric, figure: Figure | None, process: str) -> bool:
    if figure is None or process not in figure.processes:
        return False
    labels = {tuple(sorted(sample.labels.keys() - {"le"})) for sample in family.samples}
    is_said = family.type == figure.kind and family.documentation.rstrip(".") == figure.words
    return is_said and labels <= {tuple(sorted(figure.labels))}


@named
def test_names_follow_the_conventions_of_prometheus(name: str, figure: Figure) -> None:
    assert re.fullmatch(r"rooflog(_[a-z]+)+", name)
    assert name.endswith("_total") == (figure.kind == "counter")
    assert figure.kind != "histogram" or name.endswith("_seconds")
    assert not name.endswith(("_ms", "_minutes", "_percent", "_count", "_sum", "_bucket"))
    assert figure.words.endswith(".") is False
    assert figure.words


def test_a_figure_that_is_not_registered_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        gauge("rooflog_nothing", 1)


def test_one_state_holds_and_the_others_do_not() -> None:
    text = exposition("exporter", [one_of("rooflog_exporter_state", EXPORTER_STATES, "idle")]).decode()
    states = {sample.labels["state"]: sample.value for sample in shown(text)["rooflog_exporter_state"].samples}
    assert states == dict.fromkeys(EXPORTER_STATES, 0.0) | {"idle": 1.0}


def test_what_a_registry_does_not_say_is_strange() -> None:
    text = (
        '# HELP rooflog_queue_examples W\n# TYPE rooflog_queue_examples gauge\nrooflog_queue_examples{reason="new"} 1\n'
    )
    text = text.replace(" W\n", f" {METRICS['rooflog_queue_examples'].words}\n")
    assert strange(text, "web") == []
    for wrong in (text.replace("reason=", "who="), text.replace("gauge", "untyped"), text.replace("queue", "row")):
        assert len(strange(wrong, "web")) == 1
    assert len(strange(text, "exporter")) == 1


def test_a_place_that_is_not_there_has_no_figures(tmp_path: Path) -> None:
    free, size = of_disk("data", tmp_path)
    assert 0 < free.samples[0].value <= size.samples[0].value
    assert of_disk("data", tmp_path / "nowhere") == []


def test_a_process_shows_no_figure_of_another() -> None:
    """Given modules of all services in one process, then each shows what is its own, and what is everybody's."""
    BATCH.observe(1)
    assert b"rooflog_batch_seconds" not in exposition("web", [])
    assert b"rooflog_batch_seconds" in exposition("projector", [])
    assert b"process_start_time_seconds" in exposition("web", [])
    assert is_of("exporter", gauge("rooflog_changed_rows", 1))
