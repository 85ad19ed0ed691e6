#!/bin/bash
# A worker of the cluster shared. Made by infra/user_data.
set -euo pipefail
ROOT="${GROUNDPLAN_ROOT:-}"
install -d "$ROOT/opt/groundplan" "$ROOT/etc/systemd/system" "$ROOT/run"
cat >"$ROOT/opt/groundplan/settings" <<'END_OF_FILE'
AGENT='drain.service'
AWS_REGION='us-east-1'
CLUSTER='shared'
DASHBOARD_PORT='8265'
DRAIN_HOOK='drain'
GPUS='1'
GRACE_SECONDS='90'
GROUP='groundplan-dev-cluster-shared-workers'
HEAD_ADDRESS='head.shared.dev.groundplan.internal'
IMAGE='555555555555.dkr.ecr.us-east-1.amazonaws.com/groundplan-dev-ml:v1-ray-2.60.0'
JOIN_SECONDS='600'
KIND='worker'
LAUNCH_HOOK='set-up'
LOG_GROUP='/groundplan/dev/clusters/shared'
RAY_PORT='6379'
END_OF_FILE
cat >"$ROOT/opt/groundplan/machine.sh" <<'END_OF_FILE'
# shellcheck shell=bash
# What every machine of a cluster knows and can do. Sourced; the settings of its group lie beside it.
set -Eeuo pipefail
ROOT="${GROUNDPLAN_ROOT:-}"
METADATA="${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}"
# While it is there, Ray does not start again.
export DRAINING="$ROOT/run/groundplan-draining"
set -a
# shellcheck source=/dev/null
. "$ROOT/opt/groundplan/settings"
set +a

say() { echo "groundplan: $*" >&2; }

# metadata PATH: print what the metadata service has there; fail where it has nothing. Version 2, which wants a token.
metadata() {
  local token
  token=$(curl --fail --silent --max-time 5 --retry 3 --request PUT \
    --header "X-aws-ec2-metadata-token-ttl-seconds: 60" "$METADATA/latest/api/token") || return
  curl --fail --silent --max-time 5 --header "X-aws-ec2-metadata-token: $token" "$METADATA/latest/meta-data/$1"
}

# answer HOOK RESULT: tell the group, which waits for it, that this machine goes on (CONTINUE) or never will (ABANDON).
answer() {
  aws autoscaling complete-lifecycle-action --auto-scaling-group-name "$GROUP" --lifecycle-hook-name "$1" \
    --instance-id "$(metadata instance-id)" --lifecycle-action-result "$2"
}

# try SECONDS COMMAND...: run the command until it succeeds; fail when the seconds are over.
try() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { say "gave up: $*"; return 1; }
    sleep "${GROUNDPLAN_PAUSE:-5}"
  done
}

in_ray() { docker exec ray "$@"; }

# node_id: print what Ray calls this machine; fail while it has not joined.
node_id() { in_ray python -m ml.clusters --address "$HEAD_ADDRESS:$RAY_PORT" node "$(metadata instance-id)"; }
END_OF_FILE
cat >"$ROOT/opt/groundplan/set-up.sh" <<'END_OF_FILE'
#!/bin/bash
# From a bare Amazon Linux 2023 to a member of the cluster. Whatever fails, the group hears of it and starts another one.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

give_up() {
  trap - ERR
  say "set-up failed in line $1"
  report "set-up failed in line $1" || say "the log group was not told"
  answer "$LAUNCH_HOOK" ABANDON
  exit 1
}

# The machine is gone before anybody could look: what it said last goes to the log group.
report() {
  local stream lines
  stream="set-up/$(metadata instance-id)"
  lines=$(tail -n 30 "$ROOT/var/log/cloud-init-output.log" 2>/dev/null | tr '\n' '|' | tr -cd '[:alnum:] |.,:;/=()_-')
  aws logs create-log-stream --log-group-name "$LOG_GROUP" --log-stream-name "$stream"
  aws logs put-log-events --log-group-name "$LOG_GROUP" --log-stream-name "$stream" \
    --log-events "[{\"timestamp\": $(date +%s)000, \"message\": \"$1: $lines\"}]"
}

install_docker() {
  { command -v docker >/dev/null || dnf install --assumeyes docker; } && systemctl enable --now docker
}

pull_image() {
  aws ecr get-login-password | docker login --username AWS --password-stdin "${IMAGE%%/*}" &&
    docker pull "$IMAGE"
}

publish_address() {
  local change record
  record="{\"Name\": \"$HEAD_ADDRESS\", \"Type\": \"A\", \"TTL\": 10, \"ResourceRecords\": [{\"Value\": \"$(metadata local-ipv4)\"}]}"
  change="{\"Changes\": [{\"Action\": \"UPSERT\", \"ResourceRecordSet\": $record}]}"
  aws route53 change-resource-record-sets --hosted-zone-id "$ZONE_ID" --change-batch "$change"
}

trap 'give_up $LINENO' ERR
try 120 install_docker
try 120 pull_image
if [ "$KIND" = head ]; then
  try 60 publish_address
fi
systemctl daemon-reload
systemctl enable --now ray.service
try "$JOIN_SECONDS" node_id
systemctl enable --now "$AGENT"
if [ "$KIND" = head ]; then
  systemctl enable --now jobs.service
fi
answer "$LAUNCH_HOOK" CONTINUE
say "$KIND of $CLUSTER is ready"
END_OF_FILE
cat >"$ROOT/opt/groundplan/ray.sh" <<'END_OF_FILE'
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
END_OF_FILE
cat >"$ROOT/opt/groundplan/drain.sh" <<'END_OF_FILE'
#!/bin/bash
# Waits until this worker must go, hands its work over, and only then lets the group end it.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

# Spot takes the machine two minutes after its notice; stopping what is left needs up to thirty seconds of them.
SPOT_SECONDS=80

# why: print the reason to go, and fail while there is none.
why() {
  if metadata spot/instance-action >/dev/null; then
    echo "spot"
  elif [ "$(metadata autoscaling/target-lifecycle-state)" = Terminated ]; then
    echo "scale-in"
  else
    return 1
  fi
}

# The head knows it first: what runs in the container goes on when Ray has left the cluster in order.
gone() { ! node_id >/dev/null; }

until reason=$(why); do
  sleep "${GROUNDPLAN_PAUSE:-5}"
done
seconds=$GRACE_SECONDS
if [ "$reason" = spot ] && [ "$seconds" -gt "$SPOT_SECONDS" ]; then
  seconds=$SPOT_SECONDS
fi
say "draining for $seconds seconds at most: $reason"
touch "$DRAINING"
# Preemption is the reason that Ray never refuses.
in_ray ray drain-node --address "$HEAD_ADDRESS:$RAY_PORT" --node-id "$(node_id)" --reason DRAIN_NODE_REASON_PREEMPTION \
  --reason-message "$reason" --deadline-remaining-seconds "$seconds" || say "the head did not take the drain"
try "$seconds" gone || say "tasks were still running"
systemctl stop ray.service
# After a spot notice the group may take a moment until it waits for this machine.
try 120 answer "$DRAIN_HOOK" CONTINUE || say "the group did not wait for this machine"
END_OF_FILE
cat >"$ROOT/etc/systemd/system/ray.service" <<'END_OF_FILE'
[Unit]
Description=Ray
Requires=docker.service
After=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=/opt/groundplan/ray.sh
ExecStop=-/usr/bin/docker stop --time 30 ray
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
END_OF_FILE
cat >"$ROOT/etc/systemd/system/drain.service" <<'END_OF_FILE'
[Unit]
Description=Drains this worker before it is ended
After=ray.service

[Service]
ExecStart=/opt/groundplan/drain.sh
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
END_OF_FILE
chmod 755 "$ROOT"/opt/groundplan/*.sh
exec "$ROOT/opt/groundplan/set-up.sh"
