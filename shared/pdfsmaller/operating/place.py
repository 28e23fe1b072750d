"""The service that a command of an operator is about: that of a data folder, or that which the environment names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import wire
from pdfsmaller.errors import InvalidSettings, NotHere
from pdfsmaller.processes.data_folder import DataFolder, settings_with

if TYPE_CHECKING:
    from pdfsmaller.jobs.ports import Queue
    from pdfsmaller.jobs.upkeep import Upkeep
    from pdfsmaller.services.world import World
    from pdfsmaller.settings import Settings

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Place:
    """Settings, and what they name. Nothing is connected to before it is used.

    Attributes:
        folder: the folder of a ``serve``, where the command was given one.
    """

    settings: Settings
    folder: DataFolder | None

    @property
    def is_on_aws(self) -> bool:
        return not self.settings.database_url

    @property
    def knows_queues(self) -> bool:
        """Whether the queue of jobs and its dead letters can be asked: on AWS their addresses must be set."""
        return not self.is_on_aws or bool(self.settings.compress_queue_url and self.settings.dead_letter_queue_url)

    @property
    def database_file(self) -> Path | None:
        """The file of the database, where it is one."""
        url = self.settings.database_url
        return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None

    @cached_property
    def world(self) -> World:
        """The service's parts, whatever its store is like."""
        return wire.wire(self.settings)

    def ready(self) -> World:
        """The service's parts, where its store is ready for this version.

        Raises:
            CannotServe, StoreUnavailable.
        """
        if not self.is_on_aws:
            wire.check(self.settings, processes=1)
        return self.world

    def queue(self) -> Queue:
        """The queue of jobs. Raises CannotServe and StoreUnavailable as ``ready`` does."""
        if not self.knows_queues:
            raise InvalidSettings(
                "COMPRESS_QUEUE_URL and DEAD_LETTER_QUEUE_URL are not set → set them to the addresses of the stack's "
                "queues (aws cloudformation describe-stack-resources), or give --data."
            )
        return self.ready().queue

    @cached_property
    def upkeep(self) -> Upkeep | None:
        """The database as its operators keep it; None on AWS."""
        return wire.upkeep(self.settings)

    def database(self, what: str, instead: str) -> Upkeep:
        """The database, for what only one can do.

        Args:
            what: is to be done, as a sentence begins: ``A backup``.
            instead: what does its work on AWS.

        Raises:
            NotHere: there is none.
        """
        if self.upkeep is None:
            raise NotHere(f"{what} is nothing for a service on AWS → {instead}")
        return self.upkeep

    def backups(self, folder: Path | None = None) -> Path | None:
        """Where backups are: ``folder``, BACKUP_DIR, or ``backups`` in the data folder; None where none of them is."""
        if folder:
            return folder.absolute()
        if self.settings.backup_dir:
            return Path(self.settings.backup_dir).absolute()
        return self.folder.path / "backups" if self.folder else None


def place(data: Path | None) -> Place:
    """The service of a data folder, or without one that which the environment names.

    Raises:
        CannotServe.
    """
    folder = DataFolder(data) if data else None
    settings = settings_with(folder)
    if folder and not settings.database_url:
        raise InvalidSettings("COMPRESS_QUEUE_URL names a service on AWS → leave --data out, or unset it.")
    return Place(settings, folder)
