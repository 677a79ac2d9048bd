"""What another user of the machine finds: `python -m tests.services.access.stranger DATA_DIR NATS_URL WEB_URL PID...`.

It gives up root's rights first, then tries to read every file, to come in at every port and to look into processes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import httpx

from events.log.access import Access

from .tried import comes_in

UID = 65_534
"""Nobody, on every Linux."""


def readable(folder: Path) -> list[str]:
    """Every file or folder, this one and all below, that can be opened or listed."""
    paths = [folder, *(Path(place, name) for place, inner, files in os.walk(folder) for name in (*inner, *files))]
    return [str(path) for path in paths if _opens(path)]


def answers(client: httpx.Client) -> dict[str, int]:
    """The status of some calls, without a token and with one that is made up."""
    guess = {"Authorization": "Bearer rooflog_guess"}
    return {
        "look": client.get("/api/v1/stats").status_code,
        "guess": client.get("/api/v1/stats", headers=guess).status_code,
        "say": client.post("/api/v1/examples", json={"prompt": "p", "response": "r"}).status_code,
        "metrics": client.get("/metrics").status_code,
    }


def _opens(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def main(data_dir: str, nats_url: str, web_url: str, *pids: str) -> None:
    with httpx.Client(base_url=web_url, trust_env=False, timeout=60) as client:
        client.get("/health")  # all that is needed is loaded while root may still read it
        client.cookies.clear()
        os.setgroups([])
        os.setgid(UID)
        os.setuid(UID)
        with httpx.Client(base_url=web_url, trust_env=False, timeout=60) as mine:
            statuses = answers(mine)
    found = {
        "files": readable(Path(data_dir)),
        "log": comes_in(Access.of(nats_url)),
        "web": statuses,
        "environments": [pid for pid in pids if _opens(Path(f"/proc/{pid}/environ"))],
        "commands": [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in pids],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
