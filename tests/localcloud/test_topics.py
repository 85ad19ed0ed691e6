"""Who subscribes by HTTP is told on this machine, and nowhere else; what he does not take stops nobody."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from infra.localcloud import CloudRecord
from tests.localcloud.conftest import Clients


def test_a_message_reaches_subscribers_here_and_is_not_sent_beyond(client: Clients, cloud: CloudRecord) -> None:
    told: list[dict[str, Any]] = []

    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    sns, server = client("sns"), HTTPServer(("127.0.0.1", 0), Subscriber)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    topic = sns.create_topic(Name="told")["TopicArn"]
    for endpoint in (
        "https://pager.example.com/enqueue",
        "http://127.0.0.1:1/",
        f"http://127.0.0.1:{server.server_port}/",
    ):
        sns.subscribe(TopicArn=topic, Protocol=endpoint.split(":")[0], Endpoint=endpoint)
    assert sns.publish(TopicArn=topic, Subject="ALARM", Message="too slow")["MessageId"]
    server.shutdown()
    server.server_close()
    assert [(one["Subject"], one["Message"]) for one in told] == [("ALARM", "too slow")]
    log = (Path(cloud.folder) / "cloud.log").read_text()
    assert '"subscriber": "https://pager.example.com/enqueue"' in log
    assert '"subscriber": "http://127.0.0.1:1/", "reason"' in log
