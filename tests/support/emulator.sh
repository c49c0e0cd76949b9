#!/usr/bin/env bash
# Starts the AWS endpoint emulator on a free loopback port and runs a command with AWS_ENDPOINT_URL pointing at it.
# With MWX_STATE_DIR what is in it outlives it: an interrupted demo goes on where it was.
# usage: emulator.sh COMMAND [ARGUMENT…]      The emulator ends with the command.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python="$here/../../target/emulator/bin/python"
[ -x "$python" ] || { echo "the emulator is not installed: run 'make emulator' first" >&2; exit 2; }
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$(mktemp)
if [ -n "${MWX_STATE_DIR:-}" ]; then mkdir -p "$MWX_STATE_DIR"; export PERSIST_STATE=1 STATE_DIR="$MWX_STATE_DIR"; fi
GATEWAY_PORT=$port BIND_HOST=127.0.0.1 MINISTACK_HOST=127.0.0.1 MINISTACK_ACCOUNT_ID=123456789012 REDIS_HOST=127.0.0.1 \
  IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 MWX_STEP_MS="${MWX_STEP_MS:-0}" "$python" "$here/emulator.py" >"$log" 2>&1 &
emulator=$!
trap 'kill "$emulator" 2>/dev/null || true; wait "$emulator" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 100); do
  if "$python" - "$port" <<'PY' 2>/dev/null
import sys, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/_ministack/health", timeout=1)
PY
  then break; fi
  kill -0 "$emulator" 2>/dev/null || { echo "the emulator did not start:" >&2; tail -20 "$log" >&2; exit 1; }
done
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN
"$@"
