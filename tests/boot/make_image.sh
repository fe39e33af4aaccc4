#!/bin/sh
# Makes a bootable CD (isolinux) or hard disk (MBR, FAT16, syslinux) that boots a kernel at once.
#
#     make_image.sh cd|disk OUT KERNEL INITRD COMMAND-LINE
#     make_image.sh grub    OUT KERNEL INITRD COMMAND-LINE    CD of grub-mkrescue with a menu
#     make_image.sh grub-efi OUT KERNEL INITRD COMMAND-LINE  the same for UEFI
#     make_image.sh grub-efi-disk OUT KERNEL INITRD COMMAND-LINE   hard disk (MBR, EFI system partition) with GRUB for UEFI
#     make_image.sh systemd-boot  OUT KERNEL INITRD COMMAND-LINE BOOT-LOADER.EFI   the same with systemd-boot
#     make_image.sh memdisk OUT FLOPPY                        CD whose MEMDISK boots a floppy image
set -eu
PATH=$PATH:/sbin:/usr/sbin
kind=$1 out=$2 kernel=$3 initrd=${4-} line=${5-}
modules=/usr/lib/syslinux/modules/bios
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grub_menu() {
    printf 'set timeout=2\nmenuentry "Linux in a machine" {\n  linux /kernel %s\n  initrd /initrd\n}\n' "$line"
}
# A disk with one FAT16 partition of the given type; where it begins, in bytes, and as mtools name it.
sectors=$((96 * 16 * 63)) first=2048
partition=$work/image@@$((first * 512))
format_disk() {
    truncate -s $((sectors * 512)) "$work/image"
    printf 'label: dos\nstart=%s, type=%s, bootable\n' $first "$1" | sfdisk --quiet --no-reread --no-tell-kernel "$work/image"
    mkfs.fat -F 16 -g 16/63 -h $first --offset $first "$work/image" $(((sectors - first) / 2)) > "$work/log"
    export MTOOLS_SKIP_CHECK=1
}
copy_linux() {
    mcopy -i "$partition" "$kernel" ::/kernel
    mcopy -i "$partition" "$initrd" ::/initrd
}
menu() { printf 'DEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL /kernel\n  INITRD /initrd\n  APPEND %s\n' "$line"; }

case $kind in
cd)
    mkdir -p "$work/tree/isolinux"
    cp "$kernel" "$work/tree/kernel"
    cp "$initrd" "$work/tree/initrd"
    cp /usr/lib/ISOLINUX/isolinux.bin "$modules/ldlinux.c32" "$work/tree/isolinux/"
    menu > "$work/tree/isolinux/isolinux.cfg"
    xorriso -as mkisofs -quiet -o "$work/image" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
        -boot-load-size 4 -boot-info-table "$work/tree" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
    ;;
grub | grub-efi)
    platform=i386-pc
    [ "$kind" = grub ] || platform=x86_64-efi
    mkdir -p "$work/tree/boot/grub"
    cp "$kernel" "$work/tree/kernel"
    cp "$initrd" "$work/tree/initrd"
    grub_menu > "$work/tree/boot/grub/grub.cfg"
    grub-mkrescue -d /usr/lib/grub/$platform -o "$work/image" "$work/tree" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
    ;;
memdisk)
    mkdir -p "$work/tree/isolinux"
    cp "$kernel" "$work/tree/floppy.img"
    cp /usr/lib/syslinux/memdisk /usr/lib/ISOLINUX/isolinux.bin "$modules/ldlinux.c32" "$work/tree/isolinux/"
    printf 'DEFAULT floppy\nPROMPT 0\nLABEL floppy\n  KERNEL memdisk\n  INITRD /floppy.img\n' > "$work/tree/isolinux/isolinux.cfg"
    xorriso -as mkisofs -quiet -o "$work/image" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
        -boot-load-size 4 -boot-info-table "$work/tree" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
    ;;
disk)
    format_disk e
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/image" bs=440 count=1 conv=notrunc status=none
    syslinux --install --offset $((first * 512)) "$work/image"
    menu > "$work/syslinux.cfg"
    mcopy -i "$partition" "$work/syslinux.cfg" ::/
    copy_linux
    ;;
grub-efi-disk)
    format_disk ef
    grub_menu > "$work/grub.cfg"
    grub-mkimage -O x86_64-efi -o "$work/bootx64.efi" -p /boot/grub part_msdos fat normal configfile linux
    mmd -i "$partition" ::/EFI ::/EFI/BOOT ::/boot ::/boot/grub
    mcopy -i "$partition" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$partition" "$work/grub.cfg" ::/boot/grub/grub.cfg
    copy_linux
    ;;
systemd-boot)
    format_disk ef
    printf 'timeout 1\n' > "$work/loader.conf"
    printf 'title Linux in a machine\nlinux /kernel\ninitrd /initrd\noptions %s\n' "$line" > "$work/linux.conf"
    mmd -i "$partition" ::/EFI ::/EFI/BOOT ::/loader ::/loader/entries
    mcopy -i "$partition" "$6" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$partition" "$work/loader.conf" ::/loader/loader.conf
    mcopy -i "$partition" "$work/linux.conf" ::/loader/entries/linux.conf
    copy_linux
    ;;
esac
cp --sparse=always "$work/image" "$out"
