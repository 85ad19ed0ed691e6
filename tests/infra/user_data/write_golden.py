"""Writes the golden scripts: ``python -m tests.infra.user_data.write_golden``. Read the difference before a commit."""

from pathlib import Path

from infra.user_data import head_script, worker_script
from tests.infra.user_data.conftest import CONTRACT, SPEC

if __name__ == "__main__":
    golden = Path(__file__).with_name("golden")
    head = head_script(SPEC, CONTRACT, region="us-east-1", zone_id="Z0123456789ABCDEFGHIJ")
    (golden / "head.sh").write_text(head)
    (golden / "worker.sh").write_text(worker_script(SPEC, CONTRACT, region="us-east-1"))
