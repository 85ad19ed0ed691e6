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
