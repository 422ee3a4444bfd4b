#!/bin/sh
#
# postinstall.sh CONFDIR STATEDIR
#
# What copying files cannot do: the worker's user, who owns the directories,
# the secret.  Run by "make install" and by a package's postinst; may be run
# again, keeps what is there.

set -eu

conf=$1
state=$2
user=cartrecover
nginx_user=${NGINX_USER:-www-data}

if [ "$(id -u)" != 0 ]; then
    echo "not root: user $user, $conf and $state are left as they are"
    exit 0
fi

if ! getent passwd $user > /dev/null; then
    if command -v systemd-sysusers > /dev/null; then
        systemd-sysusers cartrecover.conf
    else
        useradd --system --user-group --no-create-home --home-dir "$state" \
            --shell /usr/sbin/nologin $user
    fi
fi

# A unix socket of Debian's Redis is for its group.
if getent group redis > /dev/null; then
    usermod -a -G redis $user
fi

mkdir -p "$conf" "$state"
chown root:$user "$conf"
chmod 0750 "$conf"

if [ -e "$conf/cartrecoverd.conf" ]; then
    chown root:$user "$conf/cartrecoverd.conf"
fi

# The worker's journal and nginx's dump lie side by side; the sticky bit keeps
# each from removing what is the other's.
getent group "$nginx_user" > /dev/null || nginx_user=$user
chown $user:"$nginx_user" "$state"
chmod 3770 "$state"

# One secret for both: nginx's master reads it as root, the worker owns it.
if [ ! -e "$conf/secret" ]; then
    umask 077
    head -c 48 /dev/urandom | base64 -w 0 > "$conf/secret.new"
    chown $user:$user "$conf/secret.new"
    mv "$conf/secret.new" "$conf/secret"
fi

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi

cat << END
installed; what is left to you:
    a policy for each shop   $conf/SHOP.json (cartrecover check tells mistakes)
    mail and Redis           $conf/cartrecoverd.conf
    nginx.conf               see README.md, then: nginx -t
    the worker               systemctl enable --now cartrecoverd
END
