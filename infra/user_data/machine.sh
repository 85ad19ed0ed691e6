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
