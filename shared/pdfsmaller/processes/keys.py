"""``keys``: API keys of a running service, in whatever store the settings name."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller import wire
from pdfsmaller.access.keys import ApiKey, Keys
from pdfsmaller.errors import InvalidSettings
from pdfsmaller.processes.data_folder import DataFolder, settings_with


def create(name: str, rate_limit: str, *, data: Path | None) -> tuple[ApiKey, str]:
    """A new key as it is kept, and as its user needs it.

    Args:
        data: the folder of a ``serve`` on this host, which may come later; None where the environment names the store.

    Raises:
        InvalidOption, CannotServe, StoreUnavailable.
    """
    return _keys(data).create(name, rate_limit)


def every(*, data: Path | None) -> list[ApiKey]:
    """All keys, the oldest first. ``data`` and errors as for ``create``."""
    return _keys(data).all()


def revoke(key_id: str, *, data: Path | None) -> ApiKey:
    """End a key. ``data`` and errors as for ``create``.

    Raises:
        KeyNotFound.
    """
    return _keys(data).revoke(key_id)


def _keys(data: Path | None) -> Keys:
    folder = DataFolder(data) if data else None
    settings = settings_with(folder)
    if folder and not settings.database_url:
        raise InvalidSettings("COMPRESS_QUEUE_URL names a service on AWS → leave --data out, or unset it.")
    if settings.database_url:
        (wire.prepare if folder else wire.check)(settings, processes=1)
    return wire.wire(settings).keys
