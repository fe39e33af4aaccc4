#!/bin/sh
# Makes a disk with Debian 12 (amd64) on it as an administrator would install it: debootstrap, systemd, a kernel with its initrd, GRUB
# in the master boot record. Nothing is mounted from a loop device, so that it works in containers, too. Root is needed for chroot.
#
#     debian-disk.sh FOLDER      FOLDER/disk.img, FOLDER/kernel, FOLDER/initrd; root's password is "gnomon"
set -eu
PATH=$PATH:/sbin:/usr/sbin
[ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"
# What is mounted here goes with this process, however it ends.
[ "${1-}" = --inside ] || exec unshare --mount --propagation private -- "$0" --inside "$@"
shift
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/packages.sh"
# shellcheck disable=SC2086
install_packages $long_packages fdisk grub-common grub-pc-bin
out=$1
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
tree=$work/tree
trap 'umount -q "$tree/proc" || true; rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM HUP
log=$out/making.log

echo "making a disk with Debian (log: $log)"
debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,kmod,login,e2fsprogs,initramfs-tools \
    bookworm "$tree" "$mirror" > "$log" 2>&1 < /dev/null || { tail -n 20 "$log" >&2; exit 1; }

echo gnomon > "$tree/etc/hostname"
echo '127.0.0.1 localhost gnomon' > "$tree/etc/hosts"
echo '/dev/sda1 / ext4 errors=remount-ro 0 1' > "$tree/etc/fstab"
echo 'root:gnomon' | chroot "$tree" chpasswd
# What the installer calls a targeted initrd: the drivers that this machine needs.
printf 'MODULES=list\n' > "$tree/etc/initramfs-tools/conf.d/targeted"
printf 'ata_piix\nsd_mod\next4\n' >> "$tree/etc/initramfs-tools/modules"
echo force-unsafe-io > "$tree/etc/dpkg/dpkg.cfg.d/unsafe-io"
cp "$root"/.cache/guests/debs/linux-image-*-amd64_*_amd64.deb "$tree/var/cache/apt/archives/" 2> /dev/null || true
mount -t proc proc "$tree/proc"
chroot "$tree" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install linux-image-amd64 \
    >> "$log" 2>&1 < /dev/null || { tail -n 20 "$log" >&2; exit 1; }
chroot "$tree" apt-get clean
umount "$tree/proc"
rm -rf "$tree/var/lib/apt/lists" "$tree/etc/dpkg/dpkg.cfg.d/unsafe-io" "$tree/etc/resolv.conf"
mkdir -p "$tree/var/lib/apt/lists/partial"
cp "$tree/vmlinuz" "$out/kernel"
cp "$tree/initrd.img" "$out/initrd"

grub=/usr/lib/grub/i386-pc
mkdir -p "$tree/boot/grub/i386-pc"
cp "$grub"/*.mod "$grub"/*.lst "$tree/boot/grub/i386-pc/"
cat > "$tree/boot/grub/grub.cfg" << 'EOF'
set timeout=1
set default=0
menuentry 'Debian GNU/Linux' {
    linux /vmlinuz root=/dev/sda1 ro console=ttyS0,115200 console=tty0 nomodeset
    initrd /initrd.img
}
EOF

# The image: master boot record and GRUB's core in the gap before the first partition, which begins at 1 MiB. As made by
# grub-mkimage the core expects to lie from the second sector on, which is where boot.img looks for it.
image=$work/disk.img
gap=2048 mebibytes=1536
truncate -s ${mebibytes}M "$image"
printf 'label: dos\nstart=%s, type=83, bootable\n' $gap | sfdisk --quiet --no-reread --no-tell-kernel "$image"
mke2fs -q -F -t ext4 -L debian -d "$tree" -E offset=$((gap * 512)),lazy_itable_init=0,lazy_journal_init=0 "$image" \
    $((mebibytes * 1024 - gap / 2))k >> "$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
grub-mkimage -O i386-pc -d "$grub" -o "$work/core.img" -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2
[ "$(stat -c %s "$work/core.img")" -lt $(((gap - 1) * 512)) ] || { echo 'the core of GRUB does not fit' >&2; exit 1; }
dd if="$grub/boot.img" of="$image" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$image" bs=512 seek=1 conv=notrunc status=none
mv "$image" "$out/disk.img"
touch "$out/.complete"
