"""An outside server takes the generated configuration, and every process works with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from services.access import server_config
from services.access.secrets import Secrets
from services.runtime.nats_server import binary
from tests.ports import free_port
from tests.services.conftest import ANSWER, Cli
from tests.services.forked import Forked
from tests.services.web.conftest import until


@pytest.fixture
def outside(cli: Cli, tmp_path: Path) -> Iterator[str]:
    """A server with TLS, configured by `rooflog nats-config`; its address."""
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = authority.issue_cert("127.0.0.1")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    config, certificate = tmp_path / "nats.conf", str(tmp_path / "server.pem")
    listen = ["--listen", f"127.0.0.1:{port}", "--store", str(tmp_path / "store"), "--out", str(config)]
    cli.run("nats-config", *listen, "--tls-cert", certificate, "--tls-key", certificate)
    server = subprocess.Popen([binary(), "--config", config, "--log", tmp_path / "server.log"])
    cli.environment |= {"ROOFLOG_NATS_URL": f"nats://127.0.0.1:{port}", "ROOFLOG_NATS_CA": str(tmp_path / "ca.pem")}
    yield cli.environment["ROOFLOG_NATS_URL"]
    server.terminate()
    server.wait()


@pytest.mark.usefixtures("outside")
def test_every_process_works_with_an_outside_server(cli: Cli, start: Callable[..., Forked]) -> None:
    refused = cli.json("capture", "--prompt", "p", "--response", "r", code=1)
    assert "an administrator does: `rooflog stream --create`" in refused["error"]
    assert cli.json("stream", "--create")["status"] == "ok"
    for name in ("projector", "exporter", "web"):
        start(name)
    until(lambda: cli.json("status")["projector_running"] and cli.json("status")["exporter"])
    example_id = cli.json("capture", "--prompt", "Minimum slope for TPO?", "--response", ANSWER)["example_id"]
    cli.run("approve", example_id, "--reason", "checked")
    assert cli.json("export", "--min-examples", "1")["status"] == "exported"
    assert cli.json("verify")["status"] == "verified"
    until(lambda: "serving on" in (cli.data_dir / "web.err").read_text())
    lines = (cli.data_dir / "server.log").read_text().splitlines()
    violations = [line for line in lines if "Violation" in line]
    assert [line for line in violations if "STREAM.CREATE" not in line] == []  # that is the operator's, above


def test_a_role_that_may_not_is_refused_in_one_sentence(cli: Cli) -> None:
    cli.run("capture", "--prompt", "p", "--response", "r")
    cli.environment["ROOFLOG_NATS_SECRET"] = str(Secrets(cli.data_dir).path("auditor"))
    refused = cli.json("capture", "--prompt", "p", "--response", "r", code=1)
    assert "this user may not use training.example.captured." in refused["error"]
    assert "rooflog secrets list" in refused["error"]
    assert "captured" in cli.run("replay").stdout


def test_the_configuration_holds_what_the_secrets_are(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.create()
    made = json.loads(server_config.encoded(server_config.document(secrets.users(), store="/store", host="0.0.0.0")))  # noqa: S104
    users = {user["user"] for account in made["accounts"].values() for user in account["users"]}
    assert users == {secret.user for _, secret in secrets.users()}
    assert "no_auth_user" not in made


def test_no_server_joins_the_cluster_without_its_secret(cli: Cli) -> None:
    members = [
        cli.json("nats-config", "--name", f"nats-{n}", "--cluster", "0.0.0.0:6222", "--route", "nats://nats-2:6222")
        for n in (1, 2)
    ]
    first, second = (member["cluster"] for member in members)
    password = first["authorization"]["password"]
    assert first["authorization"] == second["authorization"]
    assert first["routes"] == [f"nats://cluster-1:{password}@nats-2:6222"]
    assert [member["server_name"] for member in members] == ["nats-1", "nats-2"]
    assert (Secrets(cli.data_dir).folder / "cluster.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--listen", "4222"], "give an address and a port"),
        (["--tls-cert", "a"], "give --tls-cert and --tls-key together"),
        (["--route", "nats://a:6222"], "give --cluster and --route together"),
        (["--cluster", "0.0.0.0:6222", "--route", "a:6222"], "give an address such as nats://nats-2:6222"),
        (["--name", "nats 1"], "--name 'nats 1': give a name without spaces"),
    ],
)
def test_wrong_options_are_told(cli: Cli, options: list[str], says: str) -> None:
    assert says in cli.json("nats-config", *options, code=2)["error"]
