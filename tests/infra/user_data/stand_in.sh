#!/bin/bash
# Stands for one program of AWS or of the machine: writes down how it was called, then does what the test wants of it.
name=$(basename "$0")
# In one piece, for others write there too.
printf -v call '%q ' "$name" "$@"
printf '%s\n' "$call" >>"$SANDBOX/calls"
wanted="$SANDBOX/does/$name"
if [ -e "$wanted" ]; then
  # shellcheck source=/dev/null
  . "$wanted"
fi
