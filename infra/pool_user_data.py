"""What a machine of a pool does when it starts, as cloud-init takes it from Batch: MIME parts."""

from base64 import b64encode
from pathlib import Path

SCRATCH = "/scratch"
_SCRIPTS = Path(__file__).with_name("user_data")
_BOUNDARY = "==GROUNDPLAN=="


def user_data(*, with_efa: bool) -> str:
    """Return the parts in base64: fast scratch from the machine's own disks, and the EFA driver where there is EFA.

    cloud-init runs them before the ECS agent takes the first job.
    """
    names = ["scratch.sh", *(["efa.sh"] if with_efa else [])]
    parts = [
        f'--{_BOUNDARY}\nContent-Type: text/x-shellscript; charset="us-ascii"\n\n{(_SCRIPTS / name).read_text()}\n'
        for name in names
    ]
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
    return b64encode(f"{head}{''.join(parts)}--{_BOUNDARY}--\n".encode()).decode()
