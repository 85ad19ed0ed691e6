"""A machine in a folder: its files, its metadata service, and stand-ins for AWS and for the operating system."""

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STAND_IN = Path(__file__).with_name("stand_in.sh")
PROGRAMS = ("aws", "dnf", "docker", "systemctl")
TOKEN = "a-token-of-this-session"

# What systemd does with a unit that is enabled, less its restarts: it runs what the unit says; a timer, its service.
SYSTEMCTL = """
if [ "$1 $2" = "enable --now" ] && [ -e "$GROUNDPLAN_ROOT/etc/systemd/system/$3" ]; then
  unit="$GROUNDPLAN_ROOT/etc/systemd/system/${3/%.timer/.service}"
  "$GROUNDPLAN_ROOT$(sed -n 's/^ExecStart=//p' "$unit")" &
fi
"""


@dataclass
class Metadata:
    """An instance metadata service that speaks version 2 only. `values` may change while a machine asks."""

    values: dict[str, str]
    refused: int = 0
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                asked_well = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
                self.reply(200 if asked_well else 400, TOKEN)

            def do_GET(self) -> None:
                if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
                    owner.refused += 1
                    return self.reply(401, "")
                value = owner.values.get(self.path.removeprefix("/latest/meta-data/"))
                return self.reply(404 if value is None else 200, value or "")

            def reply(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


class Machine:
    """What starts from a user data script. `does` says in shell what a stand-in does; what it does not say succeeds."""

    def __init__(self, folder: Path, metadata: Metadata) -> None:
        self.root, self.metadata, self._folder = folder / "root", metadata, folder
        for name in ("bin", "does", "root"):
            (folder / name).mkdir()
        for program in PROGRAMS:
            (folder / "bin" / program).symlink_to(STAND_IN)
        (folder / "calls").touch()
        self.does("systemctl", SYSTEMCTL)

    def does(self, program: str, shell: str) -> None:
        (self._folder / "does" / program).write_text(shell)

    @contextmanager
    def started(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """Run a script as cloud-init would, and end all that it started."""
        file = self._folder / "user-data"
        file.write_text(script)
        file.chmod(0o755)
        environment = {
            "PATH": f"{self._folder / 'bin'}:/usr/bin:/bin",
            "SANDBOX": str(self._folder),
            "GROUNDPLAN_ROOT": str(self.root),
            "GROUNDPLAN_PAUSE": "0.05",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url,
        }
        process = subprocess.Popen(
            [str(file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.communicate()

    def calls(self, *words: str) -> list[list[str]]:
        """The calls that begin with these words, in order, each as its arguments."""
        lines = [shlex.split(line) for line in (self._folder / "calls").read_text().splitlines()]
        return [line for line in lines if tuple(line[: len(words)]) == words]

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < deadline, (self._folder / "calls").read_text()
            time.sleep(0.02)


@contextmanager
def machine(folder: Path, **metadata: str) -> Iterator[Machine]:
    """A machine whose metadata are these, `local_ipv4` standing for local-ipv4."""
    service = Metadata({name.replace("_", "-"): value for name, value in metadata.items()})
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Machine(folder, service)
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()
