#!/bin/bash
# The kernel's EFA driver and its user-space half; libfabric and NCCL's plugin come with the image of the job.
set -euo pipefail
version=1.43.2
cd "$(mktemp -d)"
curl --fail --silent --show-error --location --retry 5 --remote-name "https://efa-installer.amazonaws.com/aws-efa-installer-${version}.tar.gz"
tar --extract --gzip --file "aws-efa-installer-${version}.tar.gz"
cd aws-efa-installer
./efa_installer.sh --yes --minimal
