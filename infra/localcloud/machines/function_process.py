"""Runs one call of a Lambda function in the folder of its code: HANDLER EVENT_FILE ANSWER_FILE NAME REQUEST_ID.

It stands for Lambda's own runtime and imports nothing of ours: what a function may import is its archive and boto3.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path


class Context:
    """What a handler is given besides its event."""

    def __init__(self, name: str, request_id: str) -> None:
        self.function_name = name
        self.aws_request_id = request_id


def main(handler: str, event_file: str, answer_file: str, name: str, request_id: str) -> int:
    """Call the handler; its answer, or its error as Lambda tells it, is what the answer file holds."""
    module, _, function = handler.rpartition(".")
    try:
        # The folder of the code comes first; this script's own is not on the way.
        sys.path[0] = str(Path.cwd())
        call = getattr(importlib.import_module(module.replace("/", ".")), function)
        answer = call(json.loads(Path(event_file).read_text()), Context(name, request_id))
        Path(answer_file).write_text(json.dumps({"answer": answer}))
    except BaseException as error:
        traceback.print_exc()
        trace = traceback.format_exc().splitlines()
        told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
        Path(answer_file).write_text(json.dumps({"error": told}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
