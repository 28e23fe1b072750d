#!/usr/bin/env bash
# Puts another version in the place of the one that runs: built beside it, after a backup, and checked with a real job.
# What fails on the way is undone, and the old version runs again. docs/deploy.md tells the same in words.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
HERE_TREE=$(dirname "$HERE")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"

usage() {
  cat <<USAGE
Usage: $0 [--from DIR|WHEEL] [--dry-run]

  --from DIR|WHEEL     the new version: a checkout (this one, where nothing is said) or a wheel
  --dry-run            print what would be done, and do nothing
  --help

Callers wait while the old version has stopped and the new one has not begun: for the time of a backup and of the change
of the tables. Jobs that wait stay; those that run are ended first.

Exit codes: 0 the new version runs; 1 something failed, and what: the old one runs again, unless it says otherwise;
2 wrong usage.
USAGE
}

FROM="" OLD="" RELEASE="" BACKUP="" INIT=""
# How far it has come: nothing | stopped | linked | migrating. What is to be undone depends on it.
STAGE=nothing

# Whatever ends this script before it is done: an error, Ctrl-C, a connection that broke.
undo_if_failed() {
  local code=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ "$code" = 0 ] || [ "$STAGE" = nothing ]; then exit "$code"; fi
  set +e
  step "Going back to $(basename "$OLD")"
  if go_back; then
    printf '\nerror: the upgrade to %s failed (above); %s runs again, with all of its jobs\n  → all that was said: %s\n' \
      "$(basename "$RELEASE")" "$(basename "$OLD")" "$LOG" >&2
  else
    printf '\nerror: the upgrade to %s failed, and %s does not run again by itself\n  → all that was said: %s\n' \
      "$(basename "$RELEASE")" "$(basename "$OLD")" "$LOG" >&2
    if [ -n "$BACKUP" ]; then
      printf '  → the backup of before the upgrade: %s (docs/deploy.md, restoring)\n' "$BACKUP" >&2
    fi
  fi
  exit 1
}

go_back() {
  stop_workers
  stop_upload
  if [ "$STAGE" = migrating ] && [ "$(schema_of "$OLD")" != "$(schema_of "$RELEASE")" ] &&
    pdfsmaller admin migrate --check >/dev/null 2>&1; then
    note "the tables are put back to what they were: $BACKUP"
    put_back "$BACKUP" || return
  fi
  if [ "$STAGE" != stopped ]; then
    (link_current "$OLD") || return
    (processes_files "$OLD") || return
  fi
  start_all || return
  wait_for "$READY_SECONDS" is_ready || return
  note "$(service_url)/health/ready answers"
}

while [ $# -gt 0 ]; do
  case $1 in
    --from)
      [ -n "${2:-}" ] || usage_error "--from needs a value"
      FROM=$2
      shift
      ;;
    --dry-run) DRY_RUN=yes ;;
    --help) usage && exit 0 ;;
    *) usage_error "there is no $1" ;;
  esac
  shift
done

detect_system
detect_init
begin "$0"
OLD=$(current_release)
[ -f "$OLD/.complete" ] || fail "nothing is installed here" "$HERE/install.sh"
look_at_source "${FROM:-$HERE_TREE}"

step "Program"
if [ "$(cat "$OLD/.complete")" = "$SOURCE_SUM" ]; then
  same "$CURRENT → $OLD"
  note "$SOURCE is what runs: nothing was to be done"
  exit 0
fi
name_release
build_release

trap undo_if_failed EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step "The workers end their jobs, then everything stops"
STAGE=stopped
stop_workers || fail "the workers did not stop" "$(look_at_logs) shows why"
stop_upload || fail "the service did not stop" "$(look_at_logs) shows why"

step "Backup"
back_up "before-$(basename "$RELEASE")"

step "Tables"
STAGE=linked
link_current "$RELEASE"
if [ "$DRY_RUN" = no ]; then printf '%s\n' "$OLD" "$BACKUP" >"$RELEASE/.replaced"; fi
processes_files "$RELEASE"
STAGE=migrating
run pdfsmaller admin migrate

step "Start"
start_all || fail "$(basename "$RELEASE") did not start" "$(look_at_logs) shows why"
if [ "$DRY_RUN" = yes ]; then
  note "would ask $(service_url)/health/ready and send one small PDF; if either fails, go back to $OLD"
else
  require_ready "correct it, and make the upgrade again"
  require_a_job "correct it, and make the upgrade again"
fi
STAGE=nothing

step "Old releases"
prune_releases
note "$(basename "$RELEASE") runs; back to $(basename "$OLD"): $CURRENT/deploy/rollback.sh"
bring_the_rest ||
  fail "$(basename "$RELEASE") runs, but what stands around it could not be brought up to date (above)" \
    "correct that, then: $CURRENT/deploy/install.sh"
