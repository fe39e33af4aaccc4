#!/bin/sh
# Fetches the software that runs in the machine, from Debian packages, into .cache/guests (ignored by git).
#
#     scripts/guests.sh shell     Linux (i386) with a BusyBox shell: shell/kernel, shell/initrd
#     scripts/guests.sh all       the above and everything that the boot tests run (GNOMON_LONG=1: the long ones, too)
#
# Packages are downloaded once and unpacked, never installed.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/packages.sh"
out=$root/.cache/guests
mkdir -p "$out/debs"
what=${1:-shell}

if ! dpkg --print-foreign-architectures | grep -qx i386; then
    as_root dpkg --add-architecture i386
    as_root apt-get update -q > /dev/null 2>&1 || true
fi

# The package that a metapackage depends on.
newest() {
    apt-cache depends "$1" 2> /dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1 | sed 's/:[a-z0-9]*$//'
}

# unpack PACKAGE ARCHITECTURE NAME: the package's files in $out/NAME.
unpack() {
    [ -e "$out/$3/.complete" ] && return 0
    file=$(find "$out/debs" -name "$1_*_$2.deb" | sort | tail -n 1)
    if [ -z "$file" ]; then
        echo "fetching $1 ($2)"
        (cd "$out/debs" && apt-get -qq -o APT::Sandbox::User=root download "$1:$2" 2> /dev/null) || {
            as_root apt-get update -q > /dev/null 2>&1 || true
            (cd "$out/debs" && apt-get -qq -o APT::Sandbox::User=root download "$1:$2")
        }
        file=$(find "$out/debs" -name "$1_*_$2.deb" | sort | tail -n 1)
    fi
    rm -rf "${out:?}/$3"
    mkdir -p "$out/$3"
    dpkg -x "$file" "$out/$3"
    touch "$out/$3/.complete"
}

kernel() {  # flavour, name, architecture
    if [ ! -e "$out/$2/.complete" ]; then
        package=$(newest "linux-image-$1:$3")
        [ -n "$package" ] || { as_root apt-get update -q > /dev/null 2>&1 || true; package=$(newest "linux-image-$1:$3"); }
        [ -n "$package" ] || { echo "apt knows no linux-image-$1:$3" >&2; exit 1; }
        unpack "$package" "$3" "$2"
    fi
    cp -u "$(find "$out/$2/boot" -name 'vmlinuz-*' | head -n 1)" "$out/$2/kernel"
}

# An initial file system: BusyBox and a shell on the screen and on the serial port.
shell_initrd() {  # architecture, name of the unpacked BusyBox, folder
    unpack busybox-static "$1" "$2"
    tree=$out/initrd.tree
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/tmp" "$tree/etc"
    find "$out/$2" -path '*/bin/busybox' -type f -exec cp {} "$tree/bin/busybox" \;
    cp "$root/scripts/guest-init.sh" "$tree/init"
    chmod +x "$tree/init" "$tree/bin/busybox"
    mkdir -p "$out/$3"
    (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) | gzip -9n > "$out/$3/initrd"
    rm -rf "$tree"
}

kernel 686 linux-686 i386
shell_initrd i386 busybox shell
cp -u "$out/linux-686/kernel" "$out/shell/kernel"
[ "$what" = all ] || exit 0

kernel 686-pae linux-686-pae i386
kernel amd64 linux-amd64 amd64
shell_initrd amd64 busybox-amd64 shell-amd64
cp -u "$out/linux-amd64/kernel" "$out/shell-amd64/kernel"
unpack debian-installer-12-netboot-i386 all installer-i386
unpack debian-installer-12-netboot-amd64 all installer-amd64
unpack memtest86+ amd64 memtest
unpack grub-rescue-pc amd64 grub-rescue
unpack ipxe all ipxe
unpack grub-invaders amd64 invaders
unpack seabios all seabios
unpack ovmf all ovmf
unpack u-boot-qemu all u-boot
unpack gnumach-image-1.8-486 amd64 gnumach
unpack grub-legacy amd64 grub-legacy
unpack bochsbios all bochsbios
unpack vgabios all vgabios
unpack systemd-boot-efi amd64 systemd-boot
if [ -n "${GNOMON_LONG:-}" ] && [ ! -e "$out/debian/.complete" ]; then "$root/scripts/debian-disk.sh" "$out/debian"; fi
