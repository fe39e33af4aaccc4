#!/bin/busybox sh
# The first program of the demonstration system: mounts what is needed and offers a shell on the console.
/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TERM=linux PS1='gnomon:\w# '
mount -t devtmpfs dev /dev 2> /dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
echo
echo "Linux $(uname -r) on $(uname -m), in Gnomon. Type 'poweroff -f' to switch off."
echo
while :; do
    setsid cttyhack sh
done
