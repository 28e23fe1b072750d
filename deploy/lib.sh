# shellcheck shell=bash
# What install.sh, upgrade.sh and rollback.sh share: where things lie, how a step is said, releases, processes, the last
# check. Sourced, never run. Each step looks first and changes only what is not so yet: a run that broke off is gone on
# with by running the same command again.
# shellcheck disable=SC2034 # what is set here is used there

readonly PROGRAM=/opt/pdfsmaller RELEASES=/opt/pdfsmaller/releases CURRENT=/opt/pdfsmaller/current
readonly CONFIG=/etc/pdfsmaller SETTINGS=/etc/pdfsmaller/pdfsmaller.env ANSWERS=/etc/pdfsmaller/deploy.conf
readonly WRITTEN=/etc/pdfsmaller/written TLS=/etc/pdfsmaller/tls
readonly DATA=/var/lib/pdfsmaller BACKUPS=/var/backups/pdfsmaller LOGS=/var/log/pdfsmaller ACME=/var/www/letsencrypt
readonly SERVICE_USER=pdfsmaller LOG=/var/log/pdfsmaller-deploy.log
readonly UNITS=/etc/systemd/system COMMAND=/usr/local/bin/pdfsmaller
# The three scripts may not run at the same time.
readonly LOCK=/run/lock/pdfsmaller-deploy
readonly RELEASES_KEPT=3
readonly READY_SECONDS=60 JOB_SECONDS=60 PUT_BACK_SECONDS=90

DRY_RUN=no
# What this run has changed; the last line tells it.
CHANGES=0
# Set where a step changed what a service reads only when it starts.
CHANGED=no

umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8
# What the one who runs this has set for Python or pip's caches of another user does not belong here.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

# ---------------------------------------------------------------- what is said

step() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
did() {
  if [ "$DRY_RUN" = yes ]; then return; fi
  CHANGES=$((CHANGES + 1)) CHANGED=yes
  note "$*"
}
same() { note "$* (as it was)"; }

# fail WHAT HOW-TO-GO-ON
fail() {
  printf '\nerror: %s\n  → %s\n' "$1" "$2" >&2
  exit 1
}

usage_error() {
  printf 'error: %s\n  → %s --help tells what there is\n' "$1" "$0" >&2
  exit 2
}

quoted() { printf '%q ' "$@"; }

# Runs a command with its output in the log; where it fails, the last lines are shown and the script ends.
run() {
  if [ "$DRY_RUN" = yes ]; then
    note "would run: $(quoted "$@")"
    return
  fi
  logged "$@" || {
    last_words
    fail "this failed: $(quoted "$@")" \
      "correct what the lines above say (all of it: $LOG), then run the same command again: it goes on here"
  }
}

# What the last command said.
last_words() { tac "$LOG" | sed '/^[0-9T:-]*Z \$ /q' | tac | tail -n 15 >&2; }

# The same for those who see to a failure themselves.
logged() {
  printf '%s $ %s\n' "$(date -u +%FT%TZ)" "$(quoted "$@")" >>"$LOG"
  "$@" >>"$LOG" 2>&1 </dev/null
}

# ---------------------------------------------------------------- before anything

require_root() {
  if [ "$DRY_RUN" = no ] && [ "$(id -u)" != 0 ]; then
    fail "this must be run by root" "sudo $0 …, or --dry-run to see what it would do"
  fi
}

# One of the three at a time; the log is begun.
begin() {
  require_root
  if [ "$DRY_RUN" = yes ]; then return; fi
  if [ "${PDFSMALLER_DEPLOY_LOCKED:-}" != yes ]; then
    mkdir -p "$(dirname "$LOCK")"
    exec 9>"$LOCK"
    flock --nonblock 9 || fail "another install, upgrade or rollback is under way" "wait until it has ended"
  fi
  mkdir -p "$(dirname "$LOG")"
  (umask 077 && touch "$LOG")
  printf '%s ---- %s\n' "$(date -u +%FT%TZ)" "$(quoted "$0" "$@")" >>"$LOG"
}

# Sets OS_NAME and FAMILY (debian or rhel). OS_RELEASE_FILE names another file than the system's.
detect_system() {
  local file=${OS_RELEASE_FILE:-/etc/os-release} id like version
  [ -r "$file" ] || fail "$file cannot be read, so the distribution is unknown" \
    "install by hand: docs/deploy.md lists each step"
  id=$(os_field ID "$file") like=$(os_field ID_LIKE "$file") version=$(os_field VERSION_ID "$file")
  OS_NAME=$(os_field PRETTY_NAME "$file")
  case " $id $like " in
    *" debian "* | *" ubuntu "*) FAMILY=debian ;;
    *" rhel "* | *" fedora "* | *" centos "*) FAMILY=rhel ;;
    *) fail "$OS_NAME is neither like Debian nor like RHEL" "install by hand: docs/deploy.md lists each step" ;;
  esac
  # The package of a Python of 3.11 or newer.
  PYTHON_PACKAGE=python3
  case "$id:$version" in
    debian:[1-9] | debian:1[01] | ubuntu:1* | ubuntu:20.* | ubuntu:21.* | *:[1-7] | *:7.*)
      fail "$OS_NAME has no Python 3.11" "take Debian 12, Ubuntu 22.04, RHEL 8 or a newer one"
      ;;
    ubuntu:22.*) PYTHON_PACKAGE=python3.11 ;;
    fedora:*) ;;
    *:8 | *:8.* | *:9 | *:9.*) if [ "$FAMILY" = rhel ]; then PYTHON_PACKAGE=python3.12; fi ;;
  esac
}

# here_or_there DEBIANS RHELS: what the one calls differently from the other.
here_or_there() { if [ "$FAMILY" = debian ]; then echo "$1"; else echo "$2"; fi; }

os_field() { sed -n "s/^$1=//p" "$2" | tr -d "\"'" | head -n 1; }

# Sets INIT: who starts the processes. Asked for, remembered, or what PID 1 is.
detect_init() {
  INIT=${INIT:-$(answer INIT)}
  if [ -z "$INIT" ]; then
    if [ -d /run/systemd/system ]; then INIT=systemd; else INIT=supervisor; fi
  fi
}

# The answers that an installation was given; upgrade and a second run take them from here.
answer() { if [ -r "$ANSWERS" ]; then sed -n "s/^$1=//p" "$ANSWERS" | head -n 1; fi; }

# ---------------------------------------------------------------- files

owner_of() { stat -c %U:%G "$1"; }
mode_of() { stat -c %a "$1"; }

# folder MODE OWNER:GROUP PATH
folder() {
  if [ -d "$3" ] && [ "$(mode_of "$3")" = "$1" ] && [ "$(owner_of "$3")" = "$2" ]; then
    same "$3 ($1 $2)"
    return
  fi
  if [ "$DRY_RUN" = yes ]; then
    note "would make: $3/ ($1 $2)"
    return
  fi
  mkdir -p "$3"
  chown "$2" "$3"
  chmod "$1" "$3"
  did "$3 ($1 $2)"
}

# put MODE OWNER:GROUP PATH <content: a file of ours. One that was edited by hand since is left alone; what it would
# have become lies beside it, as PATH.new.
put() {
  local path=$3 new
  if [ "$DRY_RUN" = yes ]; then
    cat >/dev/null
    note "would write: $path ($1 $2)"
    return
  fi
  mkdir -p "$(dirname "$path")"
  new=$(mktemp "$path.XXXXXX")
  cat >"$new"
  if [ -e "$path" ] && cmp -s "$new" "$path"; then
    rm -f "$new"
    if [ "$(mode_of "$path")" = "$1" ] && [ "$(owner_of "$path")" = "$2" ]; then
      same "$path"
    else
      chown "$2" "$path" && chmod "$1" "$path"
      did "$path ($1 $2)"
    fi
  elif [ -e "$path" ] && edited "$path"; then
    chown "$2" "$new" && chmod "$1" "$new" && mv -f "$new" "$path.new"
    note "$path was edited here and stays as it is; compare $path.new"
    return
  else
    chown "$2" "$new" && chmod "$1" "$new" && mv -f "$new" "$path"
    did "$path"
  fi
  remember "$path"
}

# put_copy MODE SOURCE PATH
put_copy() { put "$1" root:root "$3" <"$2"; }

# Whether a file is not what was written last.
edited() {
  local written
  written=$(sed -n "s|^\([0-9a-f]*\)  $1\$|\1|p" "$WRITTEN" 2>/dev/null)
  [ -n "$written" ] && [ "$written" != "$(sha256sum <"$1" | cut -d' ' -f1)" ]
}

remember() {
  local sums
  sums=$(grep -sv "  $1\$" "$WRITTEN" || true)
  mkdir -p "$CONFIG"
  printf '%s%s  %s\n' "${sums:+$sums$'\n'}" "$(sha256sum <"$1" | cut -d' ' -f1)" "$1" >"$WRITTEN.new"
  mv -f "$WRITTEN.new" "$WRITTEN"
}

# drop PATH…: delete what is there.
drop() {
  local path
  for path in "$@"; do
    if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
    if [ "$DRY_RUN" = yes ]; then
      note "would delete: $path"
    else
      rm -rf -- "$path"
      did "deleted: $path"
    fi
  done
}

# ---------------------------------------------------------------- the service's settings and its command

# setting NAME [DEFAULT]: as the service sees it.
setting() {
  local value
  value=$(sed -n "s/^$1=//p" "$SETTINGS" 2>/dev/null | tail -n 1)
  value=${value#[\"\']}
  value=${value%[\"\']}
  printf '%s' "${value:-${2:-}}"
}

# The service's own command, as its user and with its settings; people have the same as COMMAND.
pdfsmaller() {
  (umask 027 && cd / && exec setpriv --reuid="$SERVICE_USER" --regid="$SERVICE_USER" --init-groups env -i \
    PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME="$DATA" PDFSMALLER_ENV_FILE="$SETTINGS" \
    "$CURRENT/bin/pdfsmaller" "$@")
}

# ---------------------------------------------------------------- releases

# Sets SOURCE_KIND, SOURCE_VERSION, SOURCE_SUM and TREE (whose deploy/ and lock are used) of --from.
look_at_source() {
  local from=$1
  if [ -f "$from/.complete" ]; then # a release, whose scripts are run again
    from=$(readlink -f "$from")
    SOURCE_KIND=release SOURCE=$from TREE=$from
    SOURCE_VERSION=$(basename "$from") SOURCE_SUM=$(cat "$from/.complete")
  elif [ -d "$from" ]; then
    from=$(cd "$from" && pwd)
    SOURCE_KIND=checkout SOURCE=$from TREE=$from
    if [ ! -f "$from/pyproject.toml" ] || [ ! -f "$from/shared/pdfsmaller/__init__.py" ]; then
      fail "$from is no checkout of PDF Smaller" "name one, or a wheel: --from DIR|WHEEL"
    fi
    SOURCE_VERSION=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$from/shared/pdfsmaller/__init__.py")
    SOURCE_SUM=$(cd "$from" && find pyproject.toml requirements shared deploy -type f -not -path '*/__pycache__/*' \
      -not -path '*.egg-info/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
  elif [ -f "$from" ] && [[ $from == *.whl ]]; then
    SOURCE_KIND=wheel SOURCE=$(cd "$(dirname "$from")" && pwd)/$(basename "$from") TREE=$HERE_TREE
    SOURCE_VERSION=$(basename "$from" | cut -d- -f2)
    SOURCE_SUM=$(sha256sum <"$from" | cut -d' ' -f1)
  else
    fail "$from is neither a folder nor a wheel" "name a checkout or a wheel: --from DIR|WHEEL"
  fi
  [ -f "$TREE/requirements/server.txt" ] ||
    fail "$TREE has no requirements/server.txt" "run the script of a checkout: DIR/deploy/$(basename "$0")"
}

# Sets RELEASE: the folder that has the source, or is to have it. Another source of the same version gets a number.
name_release() {
  local number=1
  RELEASE=$RELEASES/$SOURCE_VERSION
  while [ -f "$RELEASE/.complete" ] && [ "$(cat "$RELEASE/.complete")" != "$SOURCE_SUM" ]; do
    number=$((number + 1))
    RELEASE=$RELEASES/$SOURCE_VERSION+$number
  done
}

find_python() {
  local python
  for python in "${PYTHON:-}" "$PYTHON_PACKAGE" python3 python3.13 python3.12 python3.11; do
    if [ -n "$python" ] &&
      "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  if [ "$DRY_RUN" = yes ]; then printf '%s' "$PYTHON_PACKAGE"; fi
}

# The virtual environment of a release, from the lock with its hashes, built where it will stay: its programs name their
# interpreter by its whole path. Half a one is made anew.
build_release() {
  local python pip build
  if [ -f "$RELEASE/.complete" ]; then
    same "$RELEASE"
    return
  fi
  python=$(find_python)
  [ -n "$python" ] || fail "no Python 3.11 or newer with venv was found" \
    "install one, or name it: PYTHON=/path/to/python3 $0 …"
  if [ "$DRY_RUN" = yes ]; then
    note "would make: $RELEASE (version $SOURCE_VERSION from $SOURCE, with $python, by requirements/server.txt)"
    return
  fi
  if [ -e "$RELEASE" ]; then
    note "deleting what an earlier run left half done: $RELEASE"
    rm -rf -- "$RELEASE"
  fi
  run "$python" -m venv "$RELEASE"
  pip=("$RELEASE/bin/python" -m pip install --quiet --disable-pip-version-check --no-input)
  # What is published as source only is built with these locked tools.
  run "${pip[@]}" --no-build-isolation --no-deps --require-hashes --requirement "$TREE/requirements/build.txt"
  run "${pip[@]}" --no-build-isolation --no-deps --require-hashes --requirement "$TREE/requirements/server.txt"
  if [ "$SOURCE_KIND" = checkout ]; then
    build=$(mktemp -d) # building leaves traces in a source tree
    cp -a "$SOURCE/pyproject.toml" "$SOURCE/README.md" "$SOURCE/LICENSE" "$SOURCE/shared" "$build/"
    run "${pip[@]}" --no-build-isolation --no-deps "$build"
    rm -rf -- "$build"
  else
    run "${pip[@]}" --no-deps "$SOURCE"
  fi
  # With them a release can be gone back to, and the service be uninstalled, without the checkout.
  cp -a "$TREE/deploy" "$RELEASE/deploy"
  mkdir "$RELEASE/requirements"
  cp -a "$TREE/requirements/build.txt" "$TREE/requirements/server.txt" "$RELEASE/requirements/"
  chown -R root:root "$RELEASE"
  chmod -R u+rwX,go+rX,go-w "$RELEASE"
  run "$RELEASE/bin/pdfsmaller" --version
  printf '%s\n' "$SOURCE_SUM" >"$RELEASE/.complete"
  did "$RELEASE (version $SOURCE_VERSION from $SOURCE)"
}

current_release() { readlink -f "$CURRENT" 2>/dev/null || true; }

# The version of the tables that a release's code is written for.
schema_of() { "$1/bin/python" -c 'from pdfsmaller.server.database.schema import VERSIONS; print(VERSIONS[-1])'; }

# link_current RELEASE: at once, without a moment in which there is none.
link_current() {
  if [ "$(current_release)" = "$1" ]; then
    same "$CURRENT → $1"
    return
  fi
  if [ "$DRY_RUN" = yes ]; then
    note "would link: $CURRENT → $1"
    return
  fi
  ln -sfn "$1" "$CURRENT.new"
  mv -Tf "$CURRENT.new" "$CURRENT"
  did "$CURRENT → $1"
}

# The newest releases stay, the current one, and the one that it replaced.
prune_releases() {
  local release backup kept=0 stays
  stays=" $(current_release) $(release_before "$(current_release)") "
  while IFS= read -r release; do
    kept=$((kept + 1))
    if [ "$kept" -gt "$RELEASES_KEPT" ] && [[ $stays != *" $release "* ]]; then
      backup=$(backup_before "$release")
      drop "$release" ${backup:+"$backup"}
    fi
  done < <(find "$RELEASES" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' 2>/dev/null | sort -rn | cut -d' ' -f2-)
}

# Which release another one replaced, and the backup that was taken just before.
release_before() { sed -n 1p "$1/.replaced" 2>/dev/null || true; }
backup_before() { sed -n 2p "$1/.replaced" 2>/dev/null || true; }

# back_up NAME: sets BACKUP to a backup of now that no rotation deletes.
back_up() {
  local folder made
  folder=$(setting BACKUP_DIR "$BACKUPS")
  attempt pdfsmaller admin backup --to "$folder" || {
    last_words
    fail "there is no backup, so nothing was changed" "correct what the lines above say, then run it again"
  }
  if [ "$DRY_RUN" = yes ]; then
    BACKUP=$folder/$1.tar
    return
  fi
  made=$(find "$folder" -maxdepth 1 -type f -name 'pdfsmaller-*' -printf '%T@ %p\n' | sort -rn | head -n 1)
  made=${made#* }
  [ -n "$made" ] || fail "there is no backup in $folder" "look at $LOG"
  BACKUP=$folder/$1.${made#*.}
  ln -f "$made" "$BACKUP"
  did "$BACKUP"
}

# What stands around the program (nginx, fail2ban, logrotate), as the release that is current now has it, and the check.
bring_the_rest() {
  if [ "$DRY_RUN" = yes ]; then
    note "would run: $CURRENT/deploy/install.sh"
  else
    PDFSMALLER_DEPLOY_LOCKED=yes "$(current_release)/deploy/install.sh"
  fi
}

# put_back BACKUP: the database as it was, for the release before. Only the newer one knows which tables are its own, so
# it takes them off: while it is current. Workers that were killed count as alive for some time (LEASE_SECONDS).
put_back() {
  if [ "$DRY_RUN" = yes ]; then
    note "would run: pdfsmaller admin restore $1 --replace --keep-version"
  else
    wait_for "$PUT_BACK_SECONDS" logged pdfsmaller admin restore "$1" --replace --keep-version
  fi
}

# ---------------------------------------------------------------- the processes

# processes_files TREE: what starts them, as a release has it.
processes_files() {
  local file
  CHANGED=no
  case $INIT in
    systemd)
      for file in "$1"/deploy/systemd/pdfsmaller*.{service,timer,slice}; do
        if [ -f "$file" ]; then put_copy 644 "$file" "$UNITS/$(basename "$file")"; fi
      done
      if [ "$CHANGED" = yes ]; then run systemctl daemon-reload; fi
      ;;
    supervisor)
      put_copy 644 "$1/deploy/supervisor/pdfsmaller.conf" "$(supervisor_file)"
      ;;
  esac
}

supervisor_file() { here_or_there /etc/supervisor/conf.d/pdfsmaller.conf /etc/supervisord.d/pdfsmaller.ini; }

# attempt COMMAND…: like run, but the caller sees to a failure.
attempt() {
  if [ "$DRY_RUN" = yes ]; then
    note "would run: $(quoted "$@")"
  else
    logged "$@"
  fi
}

# What systemd runs here: one unit of workers, and those that were enabled beside it.
units() {
  {
    printf 'pdfsmaller-%s\n' upload.service worker@1.service cleanup.timer backup.timer doctor.timer
    systemctl list-unit-files --plain --no-legend --state=enabled 'pdfsmaller-worker@?*.service' 2>/dev/null
    systemctl list-units --plain --no-legend 'pdfsmaller-worker@*' 2>/dev/null
  } | cut -d' ' -f1 | grep -v '@\.' | sort -u | grep "${1:-.}"
}

# Lets each worker end the job that it has, and starts no other.
stop_workers() {
  local units
  case $INIT in
    systemd)
      mapfile -t units < <(units 'timer\|worker')
      attempt systemctl stop "${units[@]}"
      ;;
    supervisor) attempt supervisorctl stop pdfsmaller-worker:* pdfsmaller-cleanup ;;
    none) note "no process is managed here (--init none): stop the workers yourself" ;;
  esac
}

stop_upload() {
  case $INIT in
    systemd) attempt systemctl stop pdfsmaller-upload.service ;;
    supervisor) attempt supervisorctl stop pdfsmaller-upload ;;
    none) ;;
  esac
}

# Starts everything, at boot and now.
start_all() {
  local units
  case $INIT in
    systemd)
      mapfile -t units < <(units)
      attempt systemctl enable --quiet "${units[@]}" && attempt systemctl start "${units[@]}"
      ;;
    supervisor)
      attempt supervisorctl reread && attempt supervisorctl update &&
        attempt supervisorctl start 'pdfsmaller-worker:*' pdfsmaller-upload pdfsmaller-cleanup
      ;;
    none) note "start these, as the user $SERVICE_USER with the settings of $SETTINGS: see $CURRENT/deploy/systemd" ;;
  esac
}

# ---------------------------------------------------------------- whether it works

service_url() { printf 'http://127.0.0.1:%s' "$(setting PORT 8080)"; }
ask() { curl --silent --show-error --fail --noproxy '*' --max-time 10 "$@"; }

# wait_for SECONDS COMMAND…
wait_for() {
  local ends_at=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$ends_at" ]; then return 1; fi
    sleep 0.5
  done
}

is_ready() { ask "$(service_url)/health/ready"; }

require_ready() {
  wait_for "$READY_SECONDS" is_ready ||
    fail "$(service_url)/health/ready did not answer within $READY_SECONDS s" "$(look_at_logs) shows why; $1"
  note "$(service_url)/health/ready answers"
}

require_a_job() {
  one_job || fail "a small PDF did not come back" "$(look_at_logs) shows why; $1"
  note "a small PDF was sent and came back"
}

# One small PDF through the whole service, as a caller would send it.
one_job() {
  local folder key="" id="" code=0 with=()
  folder=$(mktemp -d)
  "$CURRENT/bin/python" -c '
import sys, pikepdf
pdf = pikepdf.new()
pdf.add_blank_page()
pdf.save(sys.argv[1])' "$folder/in.pdf" || return
  if [ "$(setting API_KEYS_REQUIRED false)" = true ]; then
    key=$(pdfsmaller keys create "check after an installation" 2>"$folder/key") || return
    id=$(sed -n 's/^Its id is \([^ ]*\)\. .*/\1/p' "$folder/key")
    with=(--header "X-Api-Key: $key")
  fi
  curl --silent --show-error --fail --location --noproxy '*' --max-time "$JOB_SECONDS" "${with[@]}" \
    --header "Prefer: wait=50" --header "Accept: application/pdf" \
    --form "files=@$folder/in.pdf" --output "$folder/out.pdf" "$(service_url)/api/compress" >>"$LOG" 2>&1 || code=$?
  if [ -n "$id" ]; then pdfsmaller keys revoke "$id" >>"$LOG" 2>&1 || true; fi
  if [ "$code" = 0 ]; then [ "$(head -c 5 "$folder/out.pdf")" = %PDF- ] || code=1; fi
  rm -rf -- "$folder"
  return "$code"
}

# Commands that people are told.

look_at_logs() {
  case $INIT in
    systemd) echo "journalctl -u 'pdfsmaller-*' -e" ;;
    supervisor) echo "supervisorctl status; ls $LOGS" ;;
    none) echo "what your processes wrote" ;;
  esac
}

restart_all() {
  case $INIT in
    systemd) echo "systemctl restart 'pdfsmaller-*'" ;;
    supervisor) echo "supervisorctl restart all" ;;
    none) echo "start the processes again" ;;
  esac
}

supervisor_main() { here_or_there /etc/supervisor/supervisord.conf /etc/supervisord.conf; }
