#!/bin/sh
# Settings from files, for secrets: where NAME_FILE is set, NAME is what that file holds. Then the command itself.
set -eu

for name in SECRET_KEY WEBHOOK_SECRET METRICS_TOKEN DATABASE_URL PGPASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
  eval "file=\${${name}_FILE:-}"
  if [ -n "$file" ]; then
    if [ ! -r "$file" ]; then
      echo "error: ${name}_FILE is $file, which user $(id -u) cannot read → mount it, or let that user read it" >&2
      exit 2
    fi
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
  fi
done

exec "$@"
