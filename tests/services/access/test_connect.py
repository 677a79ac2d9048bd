"""Who a process is at the NATS server: what the settings name, else the secret of its role."""

from __future__ import annotations

from pathlib import Path

from services.access.connect import access
from services.access.secrets import Secrets
from services.settings import load

URLS = "nats://a:4222, nats://b:4222"


def test_a_roles_secret_is_in_the_data_directory(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path}, {})
    assert access(settings, URLS, "gateway").secret is None
    Secrets(tmp_path).create()
    made = access(settings, URLS, "gateway")
    assert made.servers == ("nats://a:4222", "nats://b:4222")
    assert made.secret == str(tmp_path / "secrets" / "gateway.json")
    assert made.inbox == "_INBOX.gateway"


def test_a_user_of_the_settings_comes_first(tmp_path: Path) -> None:
    Secrets(tmp_path).create()
    (tmp_path / "password").write_text("secret\n")
    environment = {"ROOFLOG_NATS_USER": "app", "ROOFLOG_NATS_PASSWORD_FILE": str(tmp_path / "password")}
    made = access(load({"data_dir": tmp_path}, environment), URLS, "gateway")
    assert (made.user, made.password, made.secret) == ("app", "secret", None)
    for name in ("secret", "creds", "nkey"):
        made = access(load({"data_dir": tmp_path}, {f"ROOFLOG_NATS_{name.upper()}": "/run/own"}), URLS, "gateway")
        assert {name: getattr(made, name) for name in ("secret", "creds", "nkey")} == {
            "secret": None, "creds": None, "nkey": None, name: "/run/own"
        }  # fmt: skip


def test_no_secret_is_shown_with_the_addresses() -> None:
    assert "hidden" not in access(load({}, {}), "nats://app:hidden@a:4222", "gateway").shown
