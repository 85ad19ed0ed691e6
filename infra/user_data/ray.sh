#!/bin/bash
# Runs Ray in the foreground, as the head or as a worker; systemd starts it again when it ends.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

# A machine that drains does not come back: its tasks were moved for good.
[ ! -e "$DRAINING" ] || exit 0

address=$(metadata local-ipv4)
instance=$(metadata instance-id)
options=(--block "--node-ip-address=$address")
if [ "$KIND" = head ]; then
  # No CPUs: tasks run on workers, so that none of them takes the head down. Its dashboard is reached through SSM.
  options+=(--head "--port=$RAY_PORT" --dashboard-host=127.0.0.1 "--dashboard-port=$DASHBOARD_PORT" --num-cpus=0
    --disable-usage-stats)
else
  options+=("--address=$HEAD_ADDRESS:$RAY_PORT")
fi
docker rm --force ray >/dev/null 2>&1 || true
machine=(--network=host --ipc=host --ulimit=nofile=65536:65536 "--env=RAY_CLOUD_INSTANCE_ID=$instance"
  "--env=AWS_DEFAULT_REGION=$AWS_REGION")
[ "$GPUS" = 0 ] || machine+=(--gpus=all)
exec docker run --rm --name=ray "${machine[@]}" --log-driver=awslogs "--log-opt=awslogs-region=$AWS_REGION" \
  "--log-opt=awslogs-group=$LOG_GROUP" "--log-opt=awslogs-stream=$KIND/$instance" --entrypoint=ray "$IMAGE" start "${options[@]}"
