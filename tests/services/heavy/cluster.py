"""A real Ray cluster on this machine: nodes of one processor each, which speak to one another over loopback."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from projections.work.workers import NICE
from services.settings import Settings

# Ray reads them when it is imported. Without the second it takes this machine's other address in place of loopback, and
# without the third its workers get next to nothing of a busy machine.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": str(NICE),
}

OBJECT_STORE_BYTES = 200 * 2**20


class Nodes:
    """Nodes that were started, the head first."""

    def __init__(self, folder: str) -> None:
        from ray.cluster_utils import Cluster

        self._common = {
            "num_cpus": 1,
            "node_ip_address": "127.0.0.1",
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
        head = self._common | {"temp_dir": folder}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)

    @property
    def settings(self) -> Settings:
        """Settings of whoever has work for the cluster."""
        return Settings(engine="ray", ray_address=self._cluster.address)

    def add(self) -> Any:
        """Start another node, and wait until the others know it."""
        node = self._cluster.add_node(**self._common)
        self._cluster.wait_for_nodes()
        return node

    def kill(self, node: Any) -> None:
        """Kill all processes of a node."""
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self) -> None:
        """End every process of the cluster."""
        self._cluster.shutdown()


@contextmanager
def cluster(nodes: int = 2) -> Iterator[Nodes]:
    """A cluster of so many nodes, for as long as the context lasts."""
    folder = tempfile.mkdtemp(prefix="ray")  # a path of Ray's own is too long for its sockets below that of a test
    started = Nodes(folder)
    try:
        for _ in range(nodes - 1):
            started.add()
        yield started
    finally:
        started.end()
        shutil.rmtree(folder, ignore_errors=True)
