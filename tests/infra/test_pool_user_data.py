"""What a pool's machine runs when it starts: as it is kept, and as it does on a machine of stand-ins."""

import base64
import email
import os
import subprocess
from pathlib import Path

import pytest

from infra.pool_user_data import user_data

SCRIPTS = Path(__file__).parents[2] / "infra" / "user_data"


def parts(*, with_efa: bool) -> list[str]:
    whole = email.message_from_bytes(base64.b64decode(user_data(with_efa=with_efa)))
    assert whole.get_content_type() == "multipart/mixed"
    found = [part for part in whole.walk() if not part.is_multipart()]
    assert {part.get_content_type() for part in found} == {"text/x-shellscript"}
    return [str(part.get_payload()) for part in found]


def test_batch_gets_the_scripts_as_they_are_kept() -> None:
    scratch, efa = ((SCRIPTS / name).read_text() for name in ("scratch.sh", "efa.sh"))
    assert [text.strip() for text in parts(with_efa=False)] == [scratch.strip()]
    assert [text.strip() for text in parts(with_efa=True)] == [scratch.strip(), efa.strip()]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_bash_can_read_it(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("disks", [0, 1, 3])
def test_scratch_is_made_of_all_disks_that_there_are(disks: int, tmp_path: Path) -> None:
    """Run the script with stand-ins for what only a machine of EC2 has, and its paths below a folder of the test."""
    links, devices, programs = tmp_path / "by-id", tmp_path / "devices", tmp_path / "bin"
    for folder in (links, devices, programs):
        folder.mkdir()
    for number in range(disks):
        (devices / f"nvme{number + 1}n1").touch()
        # udev gives each disk two names, and its partitions names of their own.
        for name in (f"Storage_AWS{number}", f"Storage_AWS{number}-ns-1"):
            (links / f"nvme-Amazon_EC2_NVMe_Instance_{name}").symlink_to(devices / f"nvme{number + 1}n1")
    for name in ("mdadm", "mkfs.xfs", "mount"):
        program = programs / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> {tmp_path}/ran\n')
        program.chmod(0o755)
    text = (SCRIPTS / "scratch.sh").read_text()
    text = text.replace("/dev/disk/by-id", str(links)).replace("/scratch", str(tmp_path / "scratch"))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", text], check=True, env={"PATH": path})
    ran = (tmp_path / "ran").read_text().splitlines() if disks else []
    names = [str(devices / f"nvme{number + 1}n1") for number in range(disks)]
    raid = [f"mdadm --create /dev/md0 --run --level=0 --raid-devices={disks} {' '.join(names)}"] if disks > 1 else []
    volume = "/dev/md0" if disks > 1 else "".join(names)
    formatted = [f"mkfs.xfs -f -K {volume}", f"mount -o noatime {volume} {tmp_path}/scratch"] if disks else []
    assert ran == raid + formatted
    assert (tmp_path / "scratch").stat().st_mode & 0o7777 == 0o1777
