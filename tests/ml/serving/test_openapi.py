"""The OpenAPI document, held against the server by Schemathesis: no promise is broken, no answer is a 5xx."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.ml.serving.processes import Server

EXAMPLES = 25


def test_the_server_keeps_what_its_document_promises(
    light_server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{light_server.port}/openapi.json"),
            *("--checks", "all", "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "5"),
            *("--include-path-regex", "^/(v1/predict|v1/explain|invocations|ping|metrics)$"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    (tried,) = re.findall(r"(\d+) generated, \d+ passed", asked.stdout)
    assert int(tried) > 5 * EXAMPLES
    record_property("figure", f"Schemathesis generated {tried} cases, all passed")


def test_the_document_says_what_the_signature_says(light_server: Server) -> None:
    document = light_server.client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    asking = document["paths"]["/v1/predict"]["post"]
    assert document["paths"]["/v1/models/review_sentiment/predict"]["post"]["requestBody"] == asking["requestBody"]
    (body,) = asking["requestBody"]["content"].values()
    instances = body["schema"]["properties"]["instances"]
    assert instances["maxItems"] == 64
    assert instances["items"]["properties"]["text"]["maxLength"] == 2000
    assert '"enum": ["negative", "positive"]' in json.dumps(asking["responses"]["200"])
    assert set(asking["responses"]) == {"200", "400", "408", "413", "415", "429", "431", "500", "503"}
