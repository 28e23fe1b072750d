#!/usr/bin/env bash
# Puts PDF Smaller on one server: Debian 12, Ubuntu 22.04, RHEL 8 or a newer one of these or of what is like them.
# Run again it changes nothing, or goes on where it broke off. docs/deploy.md tells the same in words.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
HERE_TREE=$(dirname "$HERE")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$HERE/lib.sh"

usage() {
  cat <<USAGE
Usage: $0 [OPTION]…

Installs PDF Smaller with nginx before it, or says that nothing is left to do.

  --domain NAME        the name that the service is reached by
  --email MAIL         with --domain: a certificate from Let's Encrypt, renewed by itself; MAIL is told of trouble
  --self-signed        a certificate of the server's own: for a trial, or where a proxy before it has the real one
  --from DIR|WHEEL     what to install: a checkout (this one, where nothing is said) or a wheel
  --workers N          jobs that run at a time (as many as there are processors)
  --database-url URL   postgresql://…, for several servers or many jobs at once (SQLite on this server)
  --no-nginx           no nginx: something else is before the service
  --no-firewall        leave the firewall as it is (an active ufw or firewalld is told to let the web in)
  --init KIND          systemd, supervisor or none: who starts the processes (systemd, where it is there)
  --dry-run            print what would be done, and do nothing
  --uninstall          take everything off again; settings, data and backups stay
  --purge              with --uninstall: delete settings, data and backups too
  --yes                with --purge: do not ask
  --help

Exit codes: 0 done; 1 a step failed, and which; 2 wrong usage.
USAGE
}

# ---------------------------------------------------------------- what is asked for

DOMAIN="" EMAIL="" CERTIFICATE="" FROM="" WORKERS="" DATABASE_URL="" NGINX="" FIREWALL="" INIT=""
UNINSTALL=no PURGE=no YES=no

read_arguments() {
  local option
  while [ $# -gt 0 ]; do
    option=$1
    case $option in
      --domain | --email | --from | --workers | --database-url | --init)
        [ -n "${2:-}" ] || usage_error "$option needs a value"
        case $option in
          --domain) DOMAIN=$2 ;;
          --email) EMAIL=$2 ;;
          --from) FROM=$2 ;;
          --workers) WORKERS=$2 ;;
          --database-url) DATABASE_URL=$2 ;;
          --init) INIT=$2 ;;
        esac
        shift
        ;;
      --self-signed) CERTIFICATE=self-signed ;;
      --no-nginx) NGINX=no ;;
      --no-firewall) FIREWALL=no ;;
      --dry-run) DRY_RUN=yes ;;
      --uninstall) UNINSTALL=yes ;;
      --purge) PURGE=yes ;;
      --yes) YES=yes ;;
      --help) usage && exit 0 ;;
      *) usage_error "there is no $option" ;;
    esac
    shift
  done
  [[ -z $DOMAIN || $DOMAIN =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] ||
    usage_error "--domain $DOMAIN is no host name"
  [[ -z $EMAIL || $EMAIL =~ ^[^[:space:]@]+@[^[:space:]@]+$ ]] || usage_error "--email $EMAIL is no mail address"
  [[ -z $WORKERS || $WORKERS =~ ^[1-9][0-9]?$ ]] || usage_error "--workers $WORKERS is no number from 1 to 99"
  [[ -z $DATABASE_URL || $DATABASE_URL =~ ^(sqlite|postgresql):// ]] ||
    usage_error "--database-url begins with sqlite:// or postgresql://"
  [[ -z $INIT || $INIT =~ ^(systemd|supervisor|none)$ ]] || usage_error "--init is systemd, supervisor or none"
  if [ "$PURGE" = yes ] && [ "$UNINSTALL" = no ]; then usage_error "--purge goes with --uninstall"; fi
  if [ "$UNINSTALL" = yes ]; then return; fi
  if [ -n "$EMAIL" ] && [ -z "$DOMAIN" ]; then usage_error "--email goes with --domain"; fi
  if [ -n "$EMAIL" ] && [ -n "$CERTIFICATE" ]; then
    usage_error "--email asks for a certificate, --self-signed for none"
  fi
  if [ -n "$EMAIL" ]; then CERTIFICATE=certbot; fi
  if [ "$NGINX" = no ] && [ -n "$CERTIFICATE" ]; then usage_error "--no-nginx leaves nobody to use a certificate"; fi
  if [ -n "$DOMAIN" ] && [ -z "$CERTIFICATE" ] && [ "$NGINX" != no ]; then
    usage_error "--domain needs --email MAIL for its certificate, or --self-signed"
  fi
}

# What is not said is as it was; and where nothing was, as follows.
fill_in() {
  NGINX=${NGINX:-$(answer NGINX)} NGINX=${NGINX:-yes}
  if [ "$NGINX" = yes ]; then
    CERTIFICATE=${CERTIFICATE:-$(answer CERTIFICATE)}
    [ -n "$CERTIFICATE" ] || usage_error "say --domain NAME --email MAIL, or --self-signed, or --no-nginx"
  fi
  DOMAIN=${DOMAIN:-$(answer DOMAIN)}
  EMAIL=${EMAIL:-$(answer EMAIL)}
  FIREWALL=${FIREWALL:-$(answer FIREWALL)} FIREWALL=${FIREWALL:-yes}
}

# ---------------------------------------------------------------- the steps

packages() {
  local wanted=() present=() missing=() package
  step "Packages ($OS_NAME)"
  if [ "$FAMILY" = debian ]; then
    wanted=("$PYTHON_PACKAGE" "$PYTHON_PACKAGE-venv" ca-certificates curl openssl logrotate)
  else
    wanted=("$PYTHON_PACKAGE" ca-certificates curl openssl logrotate)
  fi
  if [ "$NGINX" = yes ]; then wanted+=(nginx fail2ban); fi
  # Debian's fail2ban reads the journal (for sshd, whose jail it turns on) only with this one.
  if [ "$NGINX" = yes ] && [ "$FAMILY" = debian ]; then wanted+=(python3-systemd); fi
  if [ "$CERTIFICATE" = certbot ]; then wanted+=(certbot); fi
  if [ "$INIT" = supervisor ]; then wanted+=(supervisor "$(here_or_there cron cronie)"); fi
  for package in "${wanted[@]}"; do
    if has_package "$package"; then present+=("$package"); else missing+=("$package"); fi
  done
  if [ ${#present[@]} -gt 0 ]; then same "${present[*]}"; fi
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if [ "$FAMILY" = debian ]; then
    run apt-get update -q
    run env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  else
    # fail2ban, certbot and supervisor are in EPEL.
    if [[ $NGINX$INIT != nosystemd && $OS_NAME != Fedora* ]] && ! has_package epel-release; then
      run dnf install -y epel-release
    fi
    run dnf install -y "${missing[@]}"
  fi
  did "installed: ${missing[*]}"
}

has_package() {
  if [ "$FAMILY" = debian ]; then
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
  else
    rpm -q "$1" >/dev/null 2>&1
  fi
}

user() {
  step "User $SERVICE_USER"
  if getent group "$SERVICE_USER" >/dev/null; then same "group $SERVICE_USER"; else
    run groupadd --system "$SERVICE_USER"
    did "group $SERVICE_USER"
  fi
  if id "$SERVICE_USER" >/dev/null 2>&1; then same "user $SERVICE_USER"; else
    run useradd --system --gid "$SERVICE_USER" --home-dir "$DATA" --no-create-home --shell "$(nologin)" "$SERVICE_USER"
    did "user $SERVICE_USER, without a shell"
  fi
}

nologin() { if [ -x /usr/sbin/nologin ]; then echo /usr/sbin/nologin; else echo /sbin/nologin; fi; }

folders() {
  step "Folders"
  folder 755 root:root "$PROGRAM"
  folder 755 root:root "$RELEASES"
  folder 750 "root:$SERVICE_USER" "$CONFIG"
  folder 750 "$SERVICE_USER:$SERVICE_USER" "$DATA"
  folder 750 "$SERVICE_USER:$SERVICE_USER" "$DATA/tmp"
  folder 750 "$SERVICE_USER:$SERVICE_USER" "$DATA/files"
  folder 700 "$SERVICE_USER:$SERVICE_USER" "$BACKUPS"
  folder 750 "$SERVICE_USER:$SERVICE_USER" "$LOGS"
}

release() {
  step "Program"
  if [ -L "$CURRENT" ] && [ "$(cat "$CURRENT/.complete" 2>/dev/null)" = "$SOURCE_SUM" ]; then
    same "$CURRENT → $(current_release)"
    return
  fi
  if [ -f "$CURRENT/.complete" ] && [ -e "$SETTINGS" ]; then
    fail "$(current_release) is installed, and $SOURCE is another one" "$TREE/deploy/upgrade.sh --from $SOURCE"
  fi
  name_release
  build_release
  link_current "$RELEASE"
}

# `pdfsmaller admin status`, for root: as the service's user and with its settings.
command_for_people() {
  put 755 root:root "$COMMAND" <<COMMAND
#!/bin/sh
# PDF Smaller's command as the service's own user, with the service's settings. For root.
umask 027
exec setpriv --reuid=$SERVICE_USER --regid=$SERVICE_USER --init-groups env HOME=$DATA \\
  PDFSMALLER_ENV_FILE=$SETTINGS $CURRENT/bin/pdfsmaller "\$@"
COMMAND
}

settings() {
  step "Settings"
  if [ -e "$SETTINGS" ]; then
    if [ "$(mode_of "$SETTINGS") $(owner_of "$SETTINGS")" = "640 root:$SERVICE_USER" ]; then same "$SETTINGS"; else
      run chown "root:$SERVICE_USER" "$SETTINGS"
      run chmod 640 "$SETTINGS"
      did "$SETTINGS (640 root:$SERVICE_USER)"
    fi
    if [ -n "$DATABASE_URL" ] && [ "$(setting DATABASE_URL)" != "$DATABASE_URL" ]; then
      note "DATABASE_URL stays what $SETTINGS says: change it there"
    fi
    if [ -n "$WORKERS" ] && [ "$(setting WORKER_CONCURRENCY)" != "$WORKERS" ]; then
      run sed -i "s|^#\? *WORKER_CONCURRENCY=.*|WORKER_CONCURRENCY=$WORKERS|" "$SETTINGS"
      did "WORKER_CONCURRENCY=$WORKERS in $SETTINGS"
      if [ -L "$CURRENT" ]; then stop_workers; fi # started again below
    fi
    return
  fi
  # Made whole or not at all, and from here on the operator's: only --workers changes a line of it.
  if [ "$DRY_RUN" = no ]; then
    (umask 077 && with_secret <"$TREE/deploy/env/.env.production" >"$SETTINGS.new")
    chown "root:$SERVICE_USER" "$SETTINGS.new"
    chmod 640 "$SETTINGS.new"
    if [ -n "$DATABASE_URL" ]; then change DATABASE_URL "$DATABASE_URL"; fi
    change WORKER_CONCURRENCY "${WORKERS:-$(nproc)}"
    if [ "$NGINX" = yes ]; then
      change PUBLIC_BASE_URL "https://$DOMAIN"
      # SELinux lets nginx read nothing below /var/lib: there the service sends files itself.
      if [ "$FAMILY" = debian ]; then change X_ACCEL_PREFIX /stored; fi
    fi
    mv "$SETTINGS.new" "$SETTINGS"
    did "$SETTINGS, with a SECRET_KEY of its own"
    if is_ready >/dev/null 2>&1; then # what runs has other ones; it is started again below
      stop_workers
      stop_upload
    fi
  else
    note "would write: $SETTINGS (640 root:$SERVICE_USER), from deploy/env/.env.production with a SECRET_KEY of its own"
  fi
}

# The sample with a SECRET_KEY of its own, which no other program is handed: its arguments would be seen.
with_secret() {
  local line
  while IFS= read -r line; do
    case $line in
      SECRET_KEY=*) printf 'SECRET_KEY=%s\n' "$(openssl rand -hex 32)" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}

# change NAME VALUE, in the settings that are being made.
change() {
  local value=${2//\\/\\\\}
  value=${value//|/\\|} value=${value//&/\\&}
  if grep -q "^#\? *$1=" "$SETTINGS.new"; then
    sed -i "s|^#\? *$1=.*|$1=$value|" "$SETTINGS.new"
  else
    printf '%s=%s\n' "$1" "$2" >>"$SETTINGS.new"
  fi
}

answers() {
  if [ "$DRY_RUN" = no ] && [ -e "$ANSWERS" ]; then remember "$ANSWERS"; fi # it is ours, whoever edited it
  printf '%s=%s\n' INIT "$INIT" NGINX "$NGINX" CERTIFICATE "$CERTIFICATE" DOMAIN "$DOMAIN" \
    EMAIL "$EMAIL" FIREWALL "$FIREWALL" | put 644 root:root "$ANSWERS"
}

database() {
  step "Database"
  if [ "$DRY_RUN" = yes ]; then
    note "would run: pdfsmaller admin init"
    return
  fi
  logged pdfsmaller admin init || {
    last_words
    fail "the database or the folder of files cannot be used" "correct $SETTINGS, then run the same command again"
  }
  note "$(tail -n 1 "$LOG")"
}

limits() {
  step "Limits, logs"
  # systemd's units have their own; these are for supervisor, and for whoever runs a command as the user.
  printf '%s\n' "$SERVICE_USER soft nofile 16384" "$SERVICE_USER hard nofile 16384" "$SERVICE_USER soft nproc 4096" \
    "$SERVICE_USER hard nproc 4096" | put 644 root:root /etc/security/limits.d/pdfsmaller.conf
  put_copy 644 "$TREE/deploy/logrotate/pdfsmaller" /etc/logrotate.d/pdfsmaller
}

processes() {
  step "Processes ($INIT)"
  processes_files "$TREE"
  if [ "$INIT" = supervisor ]; then # it has no clock of its own
    printf '%s\n' "15 2 * * * root $COMMAND admin backup" "*/5 * * * * root $COMMAND doctor --notify" |
      put 644 root:root /etc/cron.d/pdfsmaller
  fi
  if [ "$INIT" = supervisor ] && [ "$DRY_RUN" = no ] && ! supervisorctl pid >/dev/null 2>&1; then
    run supervisord -c "$(supervisor_main)"
    wait_for 20 supervisorctl pid || fail "supervisord does not answer" "/var/log/supervisor/supervisord.log shows why"
    did "supervisord"
  fi
  start_all || {
    last_words
    fail "the service did not start" "$(look_at_logs) shows why; correct it, then run the same command again"
  }
  if [ "$INIT" = none ] || [ "$DRY_RUN" = yes ]; then return; fi
  require_ready "correct it, then run the same command again"
}

nginx_user() { here_or_there www-data nginx; }
nginx_reads_files() { id -nG "$(nginx_user)" 2>/dev/null | grep -qw "$SERVICE_USER"; }

# The site with this server's name, port and certificate.
site() {
  local certificate=$1 limit
  limit=$("$CURRENT/bin/python" -c '
import sys
from pdfsmaller.engine.units import parse_size
print(parse_size(sys.argv[1]) + 1_000_000)' "$(setting MAX_REQUEST_SIZE 500000000)" 2>/dev/null || echo 501000000)
  sed -e "s|/etc/letsencrypt/live/pdf\.example\.org/|$certificate/|" -e "s|pdf\.example\.org|$DOMAIN|g" \
    -e "s|127\.0\.0\.1:8080|127.0.0.1:$(setting PORT 8080)|" \
    -e "s|^\( *client_max_body_size\) [0-9]*;|\1 $limit;|" "$TREE/deploy/nginx/pdfsmaller.conf" |
    if [ -e /proc/net/if_inet6 ]; then cat; else sed '/listen \[::\]/d'; fi
}

self_signed() {
  folder 700 root:root "$TLS"
  if [ -s "$TLS/privkey.pem" ] && openssl x509 -in "$TLS/fullchain.pem" -noout -checkend 2592000 >/dev/null 2>&1 &&
    [[ $(openssl x509 -in "$TLS/fullchain.pem" -noout -checkhost "$DOMAIN") == *" does match certificate"* ]]; then
    same "$TLS/fullchain.pem, for $DOMAIN"
    return
  fi
  run openssl req -x509 -newkey rsa:2048 -nodes -days 825 -subj "/CN=$DOMAIN" -addext "subjectAltName=DNS:$DOMAIN" \
    -keyout "$TLS/privkey.pem" -out "$TLS/fullchain.pem"
  did "$TLS/fullchain.pem, signed by itself, for $DOMAIN"
}

# nginx reads what is there, if it is right; it is started where it is not running.
reload_nginx() {
  run nginx -t -q
  if [ "$INIT" = systemd ]; then
    run systemctl enable --quiet nginx
    run systemctl reload-or-restart nginx
  elif [ -s /run/nginx.pid ] && kill -0 "$(cat /run/nginx.pid)" 2>/dev/null; then
    run nginx -s reload
  else
    run nginx
  fi
}

web_server() {
  local file certificate=$TLS
  step "nginx ($DOMAIN)"
  CHANGED=no
  # It sends stored files itself, so it reads them: the folder is for the service's group.
  if nginx_reads_files; then same "$(nginx_user) is in the group $SERVICE_USER"; else
    run usermod --append --groups "$SERVICE_USER" "$(nginx_user)"
    did "$(nginx_user) is in the group $SERVICE_USER"
  fi
  folder 755 root:root "$ACME"
  self_signed
  if [ "$CERTIFICATE" = certbot ] && [ -e "/etc/letsencrypt/live/$DOMAIN/fullchain.pem" ]; then
    certificate=/etc/letsencrypt/live/$DOMAIN
  fi
  for file in "$TREE"/deploy/nginx/pdfsmaller/*.conf; do
    put_copy 644 "$file" "/etc/nginx/pdfsmaller/$(basename "$file")"
  done
  site "$certificate" | put 644 root:root /etc/nginx/conf.d/pdfsmaller.conf
  if [ "$FAMILY" = rhel ] && command -v selinuxenabled >/dev/null && selinuxenabled; then
    run setsebool -P httpd_can_network_connect 1
  fi
  if [ "$CHANGED$DRY_RUN" != nono ] || ! ask --insecure --output /dev/null https://127.0.0.1/health/live 2>/dev/null; then
    reload_nginx
  fi
  if [ "$CERTIFICATE" = certbot ]; then lets_encrypt "$certificate"; fi
}

# The certificate of a name that the world resolves to this server: asked for once, renewed by certbot's own timer.
lets_encrypt() {
  local renewed=/etc/letsencrypt/renewal-hooks/deploy/pdfsmaller
  put_copy 755 "$TREE/deploy/nginx/reload-hook.sh" "$renewed"
  if [ "$1" != "$TLS" ]; then
    same "/etc/letsencrypt/live/$DOMAIN"
    return
  fi
  if [ "$DRY_RUN" = no ]; then open_firewall; fi
  attempt certbot certonly --webroot --webroot-path "$ACME" --domain "$DOMAIN" --email "$EMAIL" --agree-tos \
    --non-interactive --keep-until-expiring || {
    last_words
    fail "Let's Encrypt gave no certificate for $DOMAIN (the service runs, with one signed by itself)" \
      "see that $DOMAIN leads here and port 80 is open from outside, then run the same command again; or say --self-signed"
  }
  if [ "$DRY_RUN" = yes ]; then return; fi
  did "/etc/letsencrypt/live/$DOMAIN"
  site "/etc/letsencrypt/live/$DOMAIN" | put 644 root:root /etc/nginx/conf.d/pdfsmaller.conf
  reload_nginx
}

open_firewall() {
  if [ "$NGINX" = no ] || [ "$FIREWALL" = no ]; then return; fi
  if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q "^Status: active"; then
    if ufw status | grep -q "80,443/tcp"; then same "ufw: 80,443/tcp"; else
      run ufw allow 80,443/tcp
      did "ufw: 80,443/tcp"
    fi
  elif command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then
    if firewall-cmd --list-services | grep -qw https; then same "firewalld: http, https"; else
      run firewall-cmd --quiet --permanent --add-service=http --add-service=https
      run firewall-cmd --quiet --reload
      did "firewalld: http, https"
    fi
  else
    note "neither ufw nor firewalld is active: nothing to open"
  fi
}

firewall() {
  if [ "$NGINX" = no ] || [ "$FIREWALL" = no ]; then return; fi
  step "Firewall"
  open_firewall
}

bans() {
  local file
  if [ "$NGINX" = no ]; then return; fi
  step "fail2ban"
  CHANGED=no
  for file in filter.d/pdfsmaller.conf jail.d/pdfsmaller.conf; do
    put_copy 644 "$TREE/deploy/fail2ban/$file" "/etc/fail2ban/$file"
  done
  # Debian 12 turns the jail of sshd on and says the file that only rsyslog writes: without it fail2ban does not start.
  if [ "$FAMILY" = debian ] && [ ! -e /var/log/auth.log ]; then
    printf '[sshd]\nbackend = systemd\n' | put 644 root:root /etc/fail2ban/jail.d/sshd-journal.conf
  fi
  if [ "$INIT" = systemd ]; then
    if [ "$CHANGED" = yes ] || ! systemctl --quiet is-active fail2ban; then
      run systemctl enable --quiet fail2ban
      run systemctl restart fail2ban
      if [ "$DRY_RUN" = no ] && ! wait_for 10 fail2ban-client ping; then
        note "fail2ban does not run: journalctl -u fail2ban shows why; the service does not need it"
      fi
    fi
  elif [ "$INIT" = supervisor ] && [ "$CHANGED" = yes ]; then
    note "start fail2ban, or have it read its configuration again: fail2ban-client reload"
  fi
}

last_check() {
  local url
  step "Does it work?"
  url=https://127.0.0.1
  if [ "$NGINX" = no ]; then url=$(service_url); fi
  if [ "$DRY_RUN" = yes ] || [ "$INIT" = none ]; then
    note "would ask $url/health/live, send one small PDF, and run: pdfsmaller doctor"
    return
  fi
  ask --insecure --output /dev/null "$url/health/live" ||
    fail "$url/health/live does not answer" \
      "/var/log/nginx/pdfsmaller.error.log shows why; correct it, then run the same command again"
  note "$url/health/live answers"
  require_a_job "correct it, then run the same command again"
  note "pdfsmaller doctor, without what is as it should be:"
  pdfsmaller doctor 9>&- | grep -v '^ok ' || true
}

next_steps() {
  printf '\n'
  if [ "$DRY_RUN" = yes ]; then
    note "nothing was done (--dry-run)"
    return
  fi
  if [ "$CHANGES" = 0 ]; then note "nothing was to be done: everything is as it should be"; fi
  note "PDF Smaller is at $(if [ "$NGINX" = yes ]; then echo "https://$DOMAIN"; else service_url; fi)/"
  note "settings    $SETTINGS (then: $(restart_all))"
  note "API keys    API_KEYS_REQUIRED=true there, then, as root: pdfsmaller keys create NAME"
  note "logs        $(look_at_logs)"
  note "backups     $BACKUPS, every day: copy them, and $SETTINGS, to another machine"
  note "upgrade     NEW/deploy/upgrade.sh --from NEW; back: $CURRENT/deploy/rollback.sh"
}

# ---------------------------------------------------------------- and off again

uninstall() {
  local unit units
  step "Processes"
  case $INIT in
    systemd)
      mapfile -t units < <(units)
      for unit in "${units[@]}"; do attempt systemctl disable --now "$unit" || true; done
      drop "$UNITS"/pdfsmaller*.{service,timer,slice}
      run systemctl daemon-reload
      attempt systemctl reset-failed 'pdfsmaller*' || true
      ;;
    supervisor)
      if [ -e "$(supervisor_file)" ]; then
        stop_workers || true
        stop_upload || true
        drop "$(supervisor_file)" /etc/cron.d/pdfsmaller
        attempt supervisorctl update || true
      fi
      ;;
  esac
  step "Configuration of others"
  CHANGED=no
  drop /etc/nginx/conf.d/pdfsmaller.conf /etc/nginx/conf.d/pdfsmaller.conf.new /etc/nginx/pdfsmaller \
    /etc/letsencrypt/renewal-hooks/deploy/pdfsmaller
  if [ "$CHANGED" = yes ] && command -v nginx >/dev/null; then reload_nginx; fi
  CHANGED=no
  drop /etc/fail2ban/jail.d/pdfsmaller* /etc/fail2ban/filter.d/pdfsmaller*
  if [ "$CHANGED" = yes ] && [ "$INIT" = systemd ]; then run systemctl try-reload-or-restart fail2ban; fi
  drop /etc/logrotate.d/pdfsmaller /etc/security/limits.d/pdfsmaller.conf
  step "Program"
  drop "$PROGRAM" "$COMMAND"
  if [ "$PURGE" = yes ]; then
    purge
  else
    note "settings, data and backups stay: $CONFIG $DATA $BACKUPS $LOGS (--purge deletes them)"
  fi
  note "packages, the firewall's rules and Let's Encrypt's certificate stay as they are"
}

purge() {
  local reply
  step "Settings, data, backups"
  if [ "$YES" = no ] && [ "$DRY_RUN" = no ]; then
    read -r -p "   Delete $CONFIG $DATA $BACKUPS $LOGS for good? Type yes: " reply || reply=""
    [ "$reply" = yes ] || fail "nothing of it was deleted" "type yes, or give --yes"
  fi
  if nginx_reads_files; then run gpasswd --delete "$(nginx_user)" "$SERVICE_USER"; fi
  drop "$CONFIG" "$DATA" "$BACKUPS" "$ACME" "$UNITS"/pdfsmaller*.d
  if id "$SERVICE_USER" >/dev/null 2>&1; then run userdel "$SERVICE_USER"; fi
  drop "$LOGS" "$LOG"
}

# ----------------------------------------------------------------

read_arguments "$@"
detect_system
detect_init
begin "$@"
if [ "$UNINSTALL" = yes ]; then
  uninstall
  exit 0
fi
fill_in
DOMAIN=${DOMAIN:-$(hostname --fqdn 2>/dev/null || uname -n)}
look_at_source "${FROM:-$HERE_TREE}"
packages
user
folders
answers
release
command_for_people
settings
database
limits
processes
if [ "$NGINX" = yes ]; then web_server; fi
firewall
bans
last_check
next_steps
