"""How a process of rooflog reaches the log, in the role that it has."""

from __future__ import annotations

from pathlib import Path

from events.log.access import Access

from ..settings import Settings
from .roles import Name
from .secrets import Secrets


def access(settings: Settings, urls: str, role: Name) -> Access:
    """The access of a role to the server at these addresses.

    A user that the settings name comes first, then the secret of the role in the data directory. Where there is neither
    the server must let everybody in.
    """
    files = {
        "secret": settings.nats_secret,
        "creds": settings.nats_creds,
        "nkey": settings.nats_nkey,
        "ca": settings.nats_ca,
        "cert": settings.nats_cert,
        "key": settings.nats_key,
    }
    paths = {name: str(path) for name, path in files.items() if path is not None}
    names_user = settings.nats_user or {"secret", "creds", "nkey"} & paths.keys() or "@" in urls
    secret = Secrets(settings.data_dir).path(role)
    if not names_user and secret.exists():
        paths["secret"] = str(secret)
    return Access.of(
        urls, user=settings.nats_user, password=settings.nats_password, domain=settings.nats_domain, **paths
    )


def access_of(data_dir: Path, urls: str, role: Name) -> Access:
    """The access of a role to the server that runs for a data directory."""
    secret = Secrets(data_dir).path(role)
    return Access.of(urls, secret=str(secret)) if secret.exists() else Access.of(urls)
