#!/bin/bash
# The head of the cluster shared. Made by infra/user_data.
set -euo pipefail
ROOT="${GROUNDPLAN_ROOT:-}"
install -d "$ROOT/opt/groundplan" "$ROOT/etc/systemd/system" "$ROOT/run"
cat >"$ROOT/opt/groundplan/settings" <<'END_OF_FILE'
AGENT='scale.timer'
AWS_REGION='us-east-1'
CLUSTER='shared'
DASHBOARD_PORT='8265'
FOLDER='s3://groundplan-dev-us-east-1-555555555555-artifacts/clusters/shared/'
GPUS='0'
GROUP='groundplan-dev-cluster-shared-head'
HEAD_ADDRESS='head.shared.dev.groundplan.internal'
IDLE_SECONDS='900'
IMAGE='555555555555.dkr.ecr.us-east-1.amazonaws.com/groundplan-dev-ml:v1-ray-2.60.0'
JOIN_SECONDS='600'
KIND='head'
LAUNCH_HOOK='set-up'
LOG_GROUP='/groundplan/dev/clusters/shared'
METRIC_NAME='WantedWorkersPercent'
METRIC_NAMESPACE='Groundplan/Clusters'
RAY_PORT='6379'
WORKERS_GROUP='groundplan-dev-cluster-shared-workers'
WORKER_CPUS='4'
WORKER_GPUS='1'
ZONE_ID='Z0123456789ABCDEFGHIJ'
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
cat >"$ROOT/opt/groundplan/scale.sh" <<'END_OF_FILE'
#!/bin/bash
# Tells Auto Scaling how many workers the work needs, and ends those that had none for long. Once a minute, on the head.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

desired=$(aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$WORKERS_GROUP" \
  --query 'AutoScalingGroups[0].DesiredCapacity' --output text)
# Prints "percent NUMBER" and a line "idle INSTANCE" for each worker to end.
plan=$(in_ray python -m ml.clusters --address "$HEAD_ADDRESS:$RAY_PORT" plan --group-size "$desired" --cpus "$WORKER_CPUS" \
  --gpus "$WORKER_GPUS" --idle-seconds "$IDLE_SECONDS")
while read -r word value; do
  case "$word" in
    percent)
      aws cloudwatch put-metric-data --namespace "$METRIC_NAMESPACE" --metric-name "$METRIC_NAME" \
        --dimensions "AutoScalingGroupName=$WORKERS_GROUP" --unit Percent --value "$value"
      ;;
    idle)
      say "ending $value, which is idle"
      # Refused at the group's smallest size, as it should be.
      aws autoscaling terminate-instance-in-auto-scaling-group --instance-id "$value" \
        --should-decrement-desired-capacity || say "$value stays"
      ;;
  esac
done <<<"$plan"
END_OF_FILE
cat >"$ROOT/opt/groundplan/jobs.sh" <<'END_OF_FILE'
#!/bin/bash
# Does what the cluster is asked to train, on the head; systemd starts it again when it ends, as it does when Ray ends.
# shellcheck source=machine.sh
. "${GROUNDPLAN_ROOT:-}/opt/groundplan/machine.sh"

in_ray python -m ml.clusters --address "$HEAD_ADDRESS:$RAY_PORT" jobs "$FOLDER" --log-group "$LOG_GROUP"
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
cat >"$ROOT/etc/systemd/system/scale.service" <<'END_OF_FILE'
[Unit]
Description=Tells Auto Scaling how many workers Ray needs

[Service]
Type=oneshot
ExecStart=/opt/groundplan/scale.sh
END_OF_FILE
cat >"$ROOT/etc/systemd/system/scale.timer" <<'END_OF_FILE'
[Unit]
Description=Asks Ray every minute how many workers it needs

[Timer]
OnBootSec=60
OnUnitActiveSec=60
AccuracySec=1

[Install]
WantedBy=timers.target
END_OF_FILE
cat >"$ROOT/etc/systemd/system/jobs.service" <<'END_OF_FILE'
[Unit]
Description=Does what the cluster is asked to train
After=ray.service
StartLimitIntervalSec=0

[Service]
ExecStart=/opt/groundplan/jobs.sh
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
END_OF_FILE
chmod 755 "$ROOT"/opt/groundplan/*.sh
exec "$ROOT/opt/groundplan/set-up.sh"
