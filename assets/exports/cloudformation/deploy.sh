#!/usr/bin/env bash
# Deploys every stack in order with the AWS command line; run it again and only what differs is changed.
# Needs: aws (version 2), credentials for the account. IMAGE_<SERVICE>=… takes another image than the newest of its repository.
set -euo pipefail
cd "$(dirname "$0")"
export AWS_REGION="${AWS_REGION:-@REGION@}" AWS_PAGER=""
account=$(aws sts get-caller-identity --query Account --output text)

say() { printf '\n== %s\n' "$1"; }

# An output of a stack that is there.
output() {
  local value
  value=$(aws cloudformation describe-stacks --stack-name "$1" --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" --output text)
  [ -n "$value" ] && [ "$value" != None ] || { echo "stack $1 has no output $2" >&2; exit 1; }
  printf '%s' "$value"
}

# The address of a secret; its value is never read here.
secret() {
  aws secretsmanager describe-secret --secret-id "$1" --query ARN --output text \
    || { echo "make the secret first: aws secretsmanager create-secret --name $1 --secret-string file:///dev/stdin" >&2; exit 1; }
}

# The newest image of a repository, by digest; before the first push the bare address, which a service without tasks does not use.
image() {
  local digest
  digest=$(aws ecr describe-images --repository-name "$1" --query 'sort_by(imageDetails,&imagePushedAt)[-1].imageDigest' --output text 2>/dev/null || true)
  case "$digest" in
    sha256:*) printf '%s' "$account.dkr.ecr.$AWS_REGION.amazonaws.com/$1@$digest" ;;
    *) printf '%s' "$account.dkr.ecr.$AWS_REGION.amazonaws.com/$1" ;;
  esac
}

# deploy STACK TEMPLATE [protect]; takes the arrays parameters and tags.
deploy() {
  aws cloudformation deploy --stack-name "$1" --template-file "templates/$2.yaml" --capabilities CAPABILITY_NAMED_IAM \
    --no-fail-on-empty-changeset --parameter-overrides "${parameters[@]}" --tags "${tags[@]}"
  if [ "${3:-}" = protect ]; then
    aws cloudformation update-termination-protection --enable-termination-protection --stack-name "$1" >/dev/null
  fi
}

