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
