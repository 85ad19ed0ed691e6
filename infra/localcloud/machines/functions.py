"""Lambda functions that really run: each call is a process on a leash, with the function's code and environment.

moto keeps the records and the code. Where moto itself calls a function (a message on a topic, a queue's event source)
it would ask Docker; `run_instead_of_docker` sends those calls here, to run beside it as AWS runs them.
"""

import io
import json
import shutil
import sys
import threading
import uuid
import zipfile
from concurrent.futures import TimeoutError as NotInTimeError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.localcloud.machines.leash import Program, container_environment
from infra.localcloud.machines.site import Site, now

PROCESS = Path(__file__).with_name("function_process.py")


@dataclass(frozen=True)
class Outcome:
    """What a call came to: the JSON that it answered or the error that it told, and its lines."""

    payload: bytes
    error: bool
    lines: tuple[str, ...]


class Functions:
    """Runs the functions that moto keeps."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.cloud.folder / "functions"
        shutil.rmtree(self._folder, ignore_errors=True)  # What a killed cloud left.
        self._lock = threading.Lock()
        self._running = 0

    def call(self, function: Any, event: object) -> Outcome:
        """Run `function` (moto's record of it) and wait for its answer, or for its time to be over."""
        request = str(uuid.uuid4())
        base = self._folder / "calls" / request
        (base / "tmp").mkdir(parents=True)
        (base / "event.json").write_text(json.dumps(event))
        try:
            return self._run(function, request, base)
        finally:
            shutil.rmtree(base, ignore_errors=True)

    def start(self, function: Any, event: object) -> None:
        """Run `function` and do not wait; its log tells how it went."""
        name = f"function {function.function_name}"
        threading.Thread(target=self._unattended, args=(function, event), name=name, daemon=True).start()

    def running(self) -> int:
        """How many calls have not ended."""
        return self._running

    def _unattended(self, function: Any, event: object) -> None:
        try:
            outcome = self.call(function, event)
        except Exception:
            self._site.cloud.log.error("a call was broken off", function=function.function_name)
            return
        if outcome.error:
            told = outcome.payload.decode()[:500]
            self._site.cloud.log.warning("function failed", function=function.function_name, told=told)

    def _run(self, function: Any, request: str, base: Path) -> Outcome:
        stream = f"{now():%Y/%m/%d}/[$LATEST]{request.replace('-', '')}"
        log, lines = self._site.open_log(function.region, f"/aws/lambda/{function.function_name}", stream), []

        def write(line: str) -> None:
            lines.append(line)
            log.write(line)

        write(f"START RequestId: {request}")
        with self._lock:
            self._running += 1
        try:
            leashed = self._site.leashes.start(self._program(function, request, base), write)
            try:
                leashed.exit.result(timeout=float(function.timeout))
            except NotInTimeError:
                leashed.kill()
                leashed.exit.result()
                write(f"Task timed out after {float(function.timeout):.2f} seconds")
        finally:
            with self._lock:
                self._running -= 1
            write(f"END RequestId: {request}")
            self._site.close_log(log)
        return _outcome(base / "answer.json", lines)

    def _program(self, function: Any, request: str, base: Path) -> Program:
        code = self._unpacked(function)
        environment = container_environment(self._site.cloud.url, function.region, code, base)
        given = {
            **environment,
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "LAMBDA_TASK_ROOT": str(code),
            **{name: str(value) for name, value in (function.environment_vars or {}).items()},
        }
        answer, event = str(base / "answer.json"), str(base / "event.json")
        call = (str(PROCESS), function.handler, event, answer, function.function_name, request)
        return Program(argv=(sys.executable, *call), folder=code, environment=given)

    def _unpacked(self, function: Any) -> Path:
        """The folder of the function's code; each version of it has its own."""
        folder: Path = self._folder / "code" / function.code_sha_256.replace("/", "_")
        with self._lock:
            if not folder.exists():
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                    archive.extractall(folder)
        return folder


def find(name: str, *, account: str = "", region: str = "") -> Any:
    """moto's record of a function by its name or ARN, or None."""
    from moto.awslambda.utils import get_backend

    if name.startswith("arn:"):
        _, _, _, region, account, _, name, *_ = name.split(":")
    try:
        return get_backend(account, region).get_function(name)
    except Exception:
        return None


def run_instead_of_docker(functions: Functions) -> None:
    """Let moto's own calls of functions run here. It waits for none of them, as it holds its locks meanwhile."""
    from moto.awslambda.models import LambdaFunction

    def start(function: Any, event: object = None) -> tuple[str, bool, str]:
        functions.start(function, json.loads(event) if isinstance(event, str) else event)
        return "", False, ""

    LambdaFunction._invoke_lambda = start


def _outcome(file: Path, lines: list[str]) -> Outcome:
    told = json.loads(file.read_text()) if file.exists() else {"error": {"errorMessage": "; ".join(lines[-2:-1])}}
    return Outcome(json.dumps(told.get("answer", told.get("error"))).encode(), "error" in told, tuple(lines))
