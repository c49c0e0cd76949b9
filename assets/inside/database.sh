#!/usr/bin/env bash
# Dumps a database that can be reached only inside Replit (host helium), and sends it out in parts. Written by migrate-wizard app export.
# One dump is taken (pg_dump, custom format), its SHA-256 kept, and cut into parts, each sent with its MD5, which S3 checks.
# Run again, it goes on after the last part that arrived. The database's password goes by a file of its own, never by the command line.
set -euo pipefail
umask 077

usage() {
  cat <<'TEXT'
usage: bash database.sh [--urls FILE | --to s3://BUCKET/PREFIX] [--url-env NAME] [--out DIR] [--part-mib N] [--fresh] [--yes]
  --urls      signed URLs that migrate-wizard made, one for each part: name, tab, URL
  --to        S3, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION of the Secrets pane
  neither     the parts stay in the folder and you download them
  --url-env   the variable with the database's URL (default: DATABASE_URL)
  --fresh     take a new dump, forget the one before       --part-mib   size of a part (default: 64)
Run it as a workflow: what is started with & or nohup is ended by Replit within minutes.
TEXT
}

unready() { printf '%s\n' "$1" >&2; exit 1; }
fail() { printf '%s\n' "$1" >&2; printf 'Run it again: it goes on where it stopped.\n' >&2; exit 1; }
wrong() { printf '%s\n' "$1" >&2; usage >&2; exit 2; }

out=migrate-out urls='' to='' name=DATABASE_URL part_mib=64 fresh='' yes='' home=''
while [ $# -gt 0 ]; do
  case $1 in
    --urls|--to|--url-env|--out|--part-mib) [ $# -ge 2 ] || wrong "$1 lacks its value" ;;&
    --urls) urls=$2; shift 2 ;;
    --to) to=$2; shift 2 ;;
    --url-env) name=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --part-mib) part_mib=$2; shift 2 ;;
    --fresh) fresh=1; shift ;;
    --yes) yes=1; shift ;;
    --help|-h) usage; exit 0 ;;
    *) wrong "$1 is not known here" ;;
  esac
done
[ -z "$urls" ] || [ -z "$to" ] || wrong '--urls and --to are two ways to the same place: give one'
[[ $part_mib =~ ^[1-9][0-9]{0,3}$ ]] || wrong "--part-mib $part_mib: expected a number from 1 to 4999"
[[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || wrong "--url-env $name: expected the name of a variable"
[ -z "$urls" ] || [ -r "$urls" ] || wrong "--urls $urls: there is no such file"
url=${!name:-}
[ -n "$url" ] || unready "$name is not set: is this the Shell of the app?"
for program in pg_dump split sha256sum md5sum base64; do
  command -v "$program" >/dev/null || unready "$program is missing: add postgresql-16 to modules in .replit, or the nix package postgresql_16"
done

# --- the database's URL, taken apart so that no process has the password among its arguments

decoded() { local text=${1//+/%2B}; text=${text//\\/\\\\}; printf '%b' "${text//%/\\x}"; }
[[ $url =~ ^postgres(ql)?://(([^@/]*)@)?([^/?@]+)(/([^?]*))?(\?(.*))?$ ]] || unready "$name is not of the form postgresql://user:password@host:port/database"
access=${BASH_REMATCH[3]} place=${BASH_REMATCH[4]} database=$(decoded "${BASH_REMATCH[6]}") options=${BASH_REMATCH[8]:-}
PGUSER=$(decoded "${access%%:*}")
PGHOST=${place%:*} PGPORT=5432
[[ $place != *:* ]] || PGPORT=${place##*:}
password=''
[[ $access != *:* ]] || password=$(decoded "${access#*:}")
export PGUSER PGHOST PGPORT PGDATABASE=$database
[[ $options =~ (^|&)sslmode=([a-z-]+) ]] && export PGSSLMODE=${BASH_REMATCH[2]}
unset PGPASSWORD
mkdir -p "$out"
secret=$(mktemp)
trap 'rm -f "$secret" "$secret.curl"' EXIT
escaped=${password//\\/\\\\}
printf '*:*:*:*:%s\n' "${escaped//:/\\:}" >"$secret"
export PGPASSFILE=$secret
unset "$name" password escaped access url

# --- what will happen

dump=$out/database.dump
sent=$out/database.sent
source=$PGHOST:$PGPORT/$PGDATABASE
[ -z "$fresh" ] || rm -f "$dump" "$dump.sha256" "$sent"
other=''
if [ -e "$dump.sha256" ] && [ "$(cat "$dump.from" 2>/dev/null || true)" != "$source" ]; then
  other=1
  rm -f "$dump" "$dump.sha256" "$sent"
fi
if [ -n "$to" ]; then
  [[ $to =~ ^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(.*))?$ ]] || wrong "--to $to: expected s3://bucket/prefix"
  bucket=${BASH_REMATCH[1]} prefix=${BASH_REMATCH[3]:-}
  prefix=${prefix%/}
  for needed in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION; do [ -n "${!needed:-}" ] || unready "$needed is not set: see README.md"; done
fi
home=$to
[ -z "$urls" ] || home=$(awk -F '\t' '$1 == "#to" { print $2; exit }' "$urls")
printf 'reads:  database %s of %s:%s, every table of every schema\n' "$PGDATABASE" "$PGHOST" "$PGPORT"
if [ -e "$dump.sha256" ]; then printf 'dump:   goes on with the one of %s (--fresh takes a new one)\n' "$(date -r "$dump" '+%F %T')"; else printf 'writes: %s%s\n' "$dump" "${other:+ (the one that is there is of another database)}"; fi
if [ -n "$to" ]; then printf 'sends:  to %s in parts of %s MiB\n' "$to" "$part_mib"
elif [ -n "$urls" ]; then printf 'sends:  to the signed URLs of %s (%s) in parts of %s MiB\n' "$urls" "${home:-it does not say where they lead}" "$part_mib"
else printf 'sends:  nothing; parts of %s MiB for you to download\n' "$part_mib"; fi
if [ -z "$yes" ]; then
  [ -t 0 ] || unready 'nobody is there to ask: say --yes when this is what you want'
  read -r -p 'Go on? [y/N] ' said
  [[ $said =~ ^[yY]([eE][sS])?$ ]] || { echo 'nothing was done'; exit 1; }
fi

# --- the dump, whole or not at all

if [ ! -e "$dump.sha256" ] || [ ! -e "$dump" ]; then
  rm -f "$sent" "$dump".part-*
  printf '%s\n' "$source" >"$dump.from"
  pg_dump --format=custom --no-owner --no-acl --no-password --file="$dump.partial" || fail 'pg_dump failed. If it speaks of a version mismatch: add postgresql-16 (or newer) to modules in .replit'
  sum=$(sha256sum "$dump.partial"); sum=${sum%% *}
  mv "$dump.partial" "$dump"
  printf '%s\n' "$sum" >"$dump.sha256.partial" && mv "$dump.sha256.partial" "$dump.sha256"
fi
whole=$(cat "$dump.sha256")
size=$(wc -c <"$dump"); size=$((size))
part=$((part_mib * 1048576))
parts=$(((size + part - 1) / part))

# --- sending: the URL or key goes to curl by a file of its own

hex_to_base64() { local hex=$1 text='' at; for ((at = 0; at < ${#hex}; at += 2)); do text+="\\x${hex:at:2}"; done; printf '%b' "$text" | base64; }
quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }
send() { # FILE NAME MD5
  local file=$1 what=$2 md5=$3 link='' answer status etag
  if [ -n "$urls" ]; then
    link=$(awk -F '\t' -v name="$what" '$1 == name { print $2; exit }' "$urls")
    [ -n "$link" ] || fail "$urls has no URL for $what: make it again with migrate-wizard and a greater --size"
    { printf 'url = '; quoted "$link"; echo; } >"$secret.curl"
  else
    local base=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-https://s3.$AWS_REGION.amazonaws.com}}
    { printf 'url = '; quoted "$base/$bucket/${prefix:+$prefix/}$what"; echo
      printf 'aws-sigv4 = "aws:amz:%s:s3"\n' "$AWS_REGION"
      printf 'user = '; quoted "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"; echo
      printf 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n'
      [ -z "${AWS_SESSION_TOKEN:-}" ] || { printf 'header = '; quoted "x-amz-security-token: $AWS_SESSION_TOKEN"; echo; }
    } >"$secret.curl"
  fi
  answer=$(curl --silent --show-error --retry 5 --retry-connrefused --connect-timeout 30 --upload-file "$file" \
    --header "Content-MD5: $(hex_to_base64 "$md5")" --header 'Content-Type: application/octet-stream' \
    --output "$secret.body" --dump-header "$secret.head" --write-out '%{http_code}' --config "$secret.curl") || { rm -f "$secret.body" "$secret.head"; fail "$what could not be sent"; }
  status=$answer
  etag=$(tr -d '\r"' <"$secret.head" | awk 'tolower($1) == "etag:" { print $2 }' | tail -1)
  local code; code=$(sed -n 's/.*<Code>\([A-Za-z]*\)<.*/\1/p' "$secret.body" | head -1)
  rm -f "$secret.body" "$secret.head"
  [ "$status" = 200 ] || fail "$what was refused with $status $code$([ "$code" != AccessDenied ] || echo ' (are the URLs too old?)')"
  # Of an object that S3 encrypts with a key of KMS the ETag is something else; it checked the MD5 then too.
  [[ ! $etag =~ ^[0-9a-f]{32}$ ]] || [ "$etag" = "$md5" ] || printf '%s: the ETag is not the MD5 (the bucket encrypts with KMS?)\n' "$what"
}

# what was sent elsewhere, or in other pieces, is not there
run="$whole $part_mib $home"
if [ "$(head -1 "$sent" 2>/dev/null || true)" != "$run" ]; then
  rm -f "$dump".part-*
  printf '%s\n' "$run" >"$sent"
fi
for ((at = 0; at < parts; at++)); do
  what=$(printf 'database.dump.part-%04d' "$at")
  if grep -q "^$what	" "$sent" && { [ -n "$urls$to" ] || [ -e "$out/$what" ]; }; then continue; fi
  file=$out/$what
  # Whole blocks of a MiB: the same bytes each time.
  dd if="$dump" of="$file.partial" bs=1048576 skip=$((at * part_mib)) count="$part_mib" status=none
  mv "$file.partial" "$file"
  md5=$(md5sum "$file"); md5=${md5%% *}
  sum=$(sha256sum "$file"); sum=${sum%% *}
  bytes=$(wc -c <"$file"); bytes=$((bytes))
  if [ -n "$urls$to" ]; then send "$file" "$what" "$md5"; rm -f "$file"; fi
  printf '%s\t%s\t%s\t%s\n' "$what" "$bytes" "$md5" "$sum" >>"$sent"
  printf '%s of %s parts\n' $((at + 1)) "$parts"
done

# --- the manifest, which the wizard checks at home

list=$out/database.manifest.jsonl
{
  printf '{"manifest":"migrate-wizard/1","what":"database","from":"%s","to":%s,"at":"%s","file":"database.dump","sha256":"%s","count":%s,"bytes":%s}\n' \
    "$PGHOST" "$([ -n "$home" ] && printf '"%s"' "$home" || printf null)" "$(date -u +%FT%TZ)" "$whole" "$parts" "$size"
  tail -n +2 "$sent" | sort -u -t "	" -k 1,1 | awk -F '\t' '{ printf "{\"name\":\"%s\",\"size\":%s,\"md5\":\"%s\",\"sha256\":\"%s\"}\n", $1, $2, $3, $4 }'
} >"$list.partial"
sum=$(sha256sum "$list.partial"); sum=${sum%% *}
printf '{"end":%s,"sha256":"%s"}\n' "$parts" "$sum" >>"$list.partial"
mv "$list.partial" "$list"
if [ -n "$urls$to" ]; then
  md5=$(md5sum "$list"); send "$list" database.manifest.jsonl "${md5%% *}"
fi
printf 'all %s parts (%s bytes) are %s. Take %s home, then: migrate-wizard app export --check database.manifest.jsonl%s\n' \
  "$parts" "$size" "$([ -n "$urls$to" ] && echo sent || echo "in $out")" "$list" "${home:+ --to $home}"
