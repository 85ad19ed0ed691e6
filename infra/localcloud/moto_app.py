"""moto's server application, called in-process: the AWS that this project did not have to write."""

import io
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from moto.backends import list_of_moto_modules
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from infra.localcloud.wire import Answer, Environ


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's dispatcher with a memory, for it tries some 200 patterns on every request, and an error for strangers."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backends: dict[str, str] = {}

    def get_backend_for_host(self, host: str | None) -> str | None:
        if host is None or host in ("moto_api", "instance_metadata"):
            return host
        if host not in self._backends:
            known = host if host in list_of_moto_modules() else None
            found = known or next(
                (name for name, url in self.backend_url_patterns if url.match(f"http://{host}")), None
            )
            if not found:
                raise NotImplementedError(f"no service answers at {host}")
            self._backends[host] = found
        return self._backends[host]


class MotoApp:
    """Answers any request that moto understands. Calls are serialised per service: moto's models have no locks."""

    def __init__(self) -> None:
        # Docker is not part of this cloud; with it off, jobs and functions succeed without running. Must come first:
        # the switch hides what was created under the other setting.
        default_user_config["batch"] = {"use_docker": False}
        default_user_config["lambda"] = {"use_docker": False}
        # The policies that AWS manages are in every account.
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        self._dispatcher = _Dispatcher()
        self._locks: dict[int, threading.RLock] = defaultdict(threading.RLock)

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """moto's answer; what moto cannot do raises NotImplementedError or whatever moto's code raises."""
        environ = {**environ, "wsgi.input": io.BytesIO(body)}
        started: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started.append((int(status.split(" ", 1)[0]), headers))

        app = self._dispatcher.get_application(environ)
        with self._locks[id(app)]:
            chunks: Iterable[bytes] = app(environ, start_response)
            content = b"".join(chunks)
        status, headers = started[-1]
        if status == 404 and content.startswith(b"<!doctype html>"):
            # No route: Flask's own page. What AWS does not find is answered in the service's protocol.
            raise NotImplementedError(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return Answer(status, headers, content)
