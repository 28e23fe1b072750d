#!/bin/sh
# certbot's deploy hook: nginx reads a certificate that was renewed. Requests under way are not interrupted.
#
#   install -m 755 reload-hook.sh /etc/letsencrypt/renewal-hooks/deploy/pdfsmaller
set -eu

nginx -t -q # a configuration that is broken stays unread, and certbot says so
if [ -d /run/systemd/system ]; then
    systemctl reload nginx
else
    nginx -s reload
fi
