#!/bin/bash
# Does what the cluster is asked to train, on the head; systemd starts it again when it ends, as it does when Ray ends.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

in_ray python -m ml.clusters --address "$HEAD_ADDRESS:$RAY_PORT" jobs "$FOLDER" --log-group "$LOG_GROUP"
