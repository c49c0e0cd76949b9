#!/usr/bin/env bash
# Fills config.json with the addresses of secrets and images in the account in use. Reads no secret's value. Needs aws and node.
set -euo pipefail
cd "$(dirname "$0")"
export AWS_REGION="${AWS_REGION:-@REGION@}" AWS_PAGER=""
account=$(aws sts get-caller-identity --query Account --output text)
put() {
  node -e 'const fs = require("fs"), c = JSON.parse(fs.readFileSync("config.json")); c[process.argv[1]][process.argv[2]] = process.argv[3]; fs.writeFileSync("config.json", JSON.stringify(c, null, 2) + "\n")' "$@"
}
keys() { node -p "Object.keys(JSON.parse(require('fs').readFileSync('config.json')).$1).join('\n')"; }
for name in $(keys secrets); do
  address=$(aws secretsmanager describe-secret --secret-id "$name" --query ARN --output text)
  put secrets "$name" "$address"
done
for name in $(keys images); do
  digest=$(aws ecr describe-images --repository-name "$name" --query 'sort_by(imageDetails,&imagePushedAt)[-1].imageDigest' --output text 2>/dev/null || true)
  case "$digest" in
    sha256:*) put images "$name" "$account.dkr.ecr.$AWS_REGION.amazonaws.com/$name@$digest" ;;
    *) put images "$name" "$account.dkr.ecr.$AWS_REGION.amazonaws.com/$name" ;;
  esac
done
