#!/bin/bash
# Joins all instance-store disks to one volume at /scratch; where there is none, /scratch is on the root volume.
# What lies there goes with the machine: caches and working copies, never the only copy.
set -euo pipefail
mkdir -p /scratch
shopt -s nullglob
disks=()
for link in /dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_*; do
  case "$link" in *-part[0-9]*) continue ;; esac
  disks+=("$(readlink -f "$link")")
done
# udev has two names for each disk.
mapfile -t disks < <(printf '%s\n' "${disks[@]}" | sort -u | sed '/^$/d')
if [ "${#disks[@]}" -gt 0 ]; then
  volume="${disks[0]}"
  if [ "${#disks[@]}" -gt 1 ]; then
    command -v mdadm >/dev/null || dnf install --assumeyes --quiet mdadm
    mdadm --create /dev/md0 --run --level=0 --raid-devices="${#disks[@]}" "${disks[@]}"
    volume=/dev/md0
  fi
  # No journal to replay and no blocks to discard: the disks are new at each start.
  mkfs.xfs -f -K "$volume"
  mount -o noatime "$volume" /scratch
fi
# Jobs run under a user of their own.
chmod 1777 /scratch
