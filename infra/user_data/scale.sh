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
