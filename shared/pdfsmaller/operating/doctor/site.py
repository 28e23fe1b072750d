"""What the doctor looks at: a service, and the host that it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import wire

if TYPE_CHECKING:
    from pdfsmaller.jobs.upkeep import Upkeep
    from pdfsmaller.operating.place import Place
    from pdfsmaller.services.world import World
    from pdfsmaller.settings import Settings

ENV_FILE = Path("/etc/pdfsmaller/pdfsmaller.env")


@dataclass(frozen=True)
class Site:
    """A service and its host.

    Attributes:
        place: None where the settings cannot be used: then only the host is looked at.
        env_file: the file of settings.
        nginx_conf: nginx's own.
        proc: where the kernel tells of itself.
        systemd: a folder that is there where systemd runs.
    """

    place: Place | None
    env_file: Path = ENV_FILE
    nginx_conf: Path = Path("/etc/nginx/nginx.conf")
    proc: Path = Path("/proc")
    systemd: Path = Path("/run/systemd/system")

    @property
    def settings(self) -> Settings:
        return self._known.settings

    @cached_property
    def world(self) -> World:
        """The service's parts, whether they can be used or not."""
        return wire.wire(self.settings)

    @cached_property
    def upkeep(self) -> Upkeep:
        """The database as its operators keep it."""
        found = self._known.upkeep
        assert found, "a server of one's own has a database"
        return found

    @property
    def data(self) -> Path | None:
        """The folder that the service writes to: that of ``--data``, or where its files are."""
        if self._known.folder:
            return self._known.folder.path
        url = self.settings.storage_url
        return None if url.startswith("s3://") else Path(url.removeprefix("file://"))

    @property
    def database(self) -> Path | None:
        """The file of the database, where it is one."""
        return self._known.database_file

    @property
    def backups(self) -> Path | None:
        """Where backups are; None where nobody says."""
        return self._known.backups()

    @property
    def _known(self) -> Place:
        assert self.place, "a check that needs settings runs where they can be used"
        return self.place
