#!/usr/bin/env bash
# Goes back to the release before, or to a named one. Where the tables have changed since, the backup of before that
# upgrade is restored, and it is asked first. docs/deploy.md tells the same in words.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"

usage() {
  cat <<USAGE
Usage: $0 [RELEASE] [--yes] [--dry-run]

  RELEASE              which one, as $RELEASES has it (the one that was replaced last)
  --yes                do not ask before the database is put back
  --dry-run            print what would be done, and do nothing
  --help

Exit codes: 0 the older release runs; 1 something failed, and what; 2 wrong usage.
USAGE
}

TARGET="" YES=no BACKUP="" INIT="" NOW="" LEFT=""
# Whether everything stands still for the release that is current still.
STOPPED=no

start_again_if_failed() {
  local code=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ "$code" != 0 ] && [ "$STOPPED" = yes ]; then
    set +e
    step "$(basename "$NOW") is started again"
    start_all
  fi
  exit "$code"
}

# Sets BACKUP: that of the upgrade by which the target was replaced.
find_backup() {
  local release=$NOW
  while [ "$(release_before "$release")" != "$TARGET" ]; do
    release=$(release_before "$release")
    if [ -z "$release" ]; then return 1; fi
  done
  BACKUP=$(backup_before "$release")
  [ -f "$BACKUP" ]
}

while [ $# -gt 0 ]; do
  case $1 in
    --yes) YES=yes ;;
    --dry-run) DRY_RUN=yes ;;
    --help) usage && exit 0 ;;
    -*) usage_error "there is no $1" ;;
    *)
      [ -z "$TARGET" ] || usage_error "one release, not two"
      TARGET=$RELEASES/$(basename "$1")
      ;;
  esac
  shift
done

detect_system
detect_init
begin "$0"
NOW=$(current_release)
[ -f "$NOW/.complete" ] || fail "nothing is installed here" "$HERE/install.sh"
TARGET=${TARGET:-$(release_before "$NOW")}
[ -n "$TARGET" ] || fail "$(basename "$NOW") replaced no other release" "name one: $(cd "$RELEASES" && echo *)"
[ -f "$TARGET/.complete" ] || fail "there is no release $(basename "$TARGET")" "name one: $(cd "$RELEASES" && echo *)"
if [ "$TARGET" = "$NOW" ]; then
  note "$(basename "$NOW") is what runs: nothing was to be done"
  exit 0
fi

step "From $(basename "$NOW") to $(basename "$TARGET")"
SCHEMA_NOW=$(schema_of "$NOW") SCHEMA_TARGET=$(schema_of "$TARGET")
if [ "$SCHEMA_NOW" = "$SCHEMA_TARGET" ]; then
  note "both have tables of version $SCHEMA_NOW: all jobs stay"
else
  find_backup ||
    fail "$(basename "$TARGET") is for tables of $SCHEMA_TARGET, not $SCHEMA_NOW, and the backup of before is gone $BACKUP" \
    "restore another one by hand (docs/deploy.md, restoring), or stay with $(basename "$NOW")"
  note "the tables are of version $SCHEMA_NOW, and $(basename "$TARGET") is for $SCHEMA_TARGET: the database goes"
  note "back to what it was at $(date -u -r "$BACKUP" '+%F %T UTC') ($BACKUP)."
  note "Jobs and API keys made since are gone then; a backup of now is taken first."
  if [ "$YES" = no ] && [ "$DRY_RUN" = no ]; then
    read -r -p "   Type yes to go on: " reply || reply=""
    [ "$reply" = yes ] || fail "nothing was changed" "type yes, or give --yes"
  fi
fi

trap start_again_if_failed EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
STOPPED=yes
step "The workers end their jobs, then everything stops"
stop_workers || fail "the workers did not stop" "$(look_at_logs) shows why"
stop_upload || fail "the service did not stop" "$(look_at_logs) shows why"

RESTORED=$BACKUP
if [ -n "$RESTORED" ]; then
  step "Backup of now"
  back_up "left-$(basename "$NOW")"
  LEFT=$BACKUP
fi

if [ -n "$RESTORED" ]; then
  step "Database"
  put_back "$RESTORED" || fail "$RESTORED could not be restored" "see $LOG; the backup of now is $LEFT"
fi

STOPPED=no
step "Program"
link_current "$TARGET"
processes_files "$TARGET"

step "Start"
start_all || fail "$(basename "$TARGET") did not start" "$(look_at_logs) shows why"
if [ "$DRY_RUN" = no ]; then require_ready "$HERE/upgrade.sh --from … brings another release"; fi
note "$(basename "$TARGET") runs${LEFT:+; what was left behind: $LEFT}"
bring_the_rest ||
  fail "$(basename "$TARGET") runs, but what stands around it could not be brought up to date (above)" \
    "correct that, then: $CURRENT/deploy/install.sh"
