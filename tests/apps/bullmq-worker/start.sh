#!/bin/bash
# cd /home/runner/workspace
redis-server --port 6379 &
cd /home/runner/workspace
node dist/worker.js &
exec node dist/server.js
