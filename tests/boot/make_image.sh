#!/bin/sh
# Makes a bootable CD (isolinux) or hard disk (MBR, FAT16, syslinux) that boots a kernel at once.
#
#     make_image.sh cd|disk OUT KERNEL INITRD COMMAND-LINE
#     make_image.sh grub    OUT KERNEL INITRD COMMAND-LINE    CD of grub-mkrescue with a menu
#     make_image.sh grub-efi OUT KERNEL INITRD COMMAND-LINE  the same for UEFI
#     make_image.sh memdisk OUT FLOPPY                        CD whose MEMDISK boots a floppy image
set -eu
PATH=$PATH:/sbin:/usr/sbin
kind=$1 out=$2 kernel=$3 initrd=${4-} line=${5-}
modules=/usr/lib/syslinux/modules/bios
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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
    printf 'set timeout=2\nmenuentry "Linux in a machine" {\n  linux /kernel %s\n  initrd /initrd\n}\n' "$line" > "$work/tree/boot/grub/grub.cfg"
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
    sectors=$((96 * 16 * 63)) first=2048
    truncate -s $((sectors * 512)) "$work/image"
    printf 'label: dos\nstart=%s, type=e, bootable\n' $first | sfdisk --quiet --no-reread --no-tell-kernel "$work/image"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/image" bs=440 count=1 conv=notrunc status=none
    mkfs.fat -F 16 -g 16/63 -h $first --offset $first "$work/image" $(((sectors - first) / 2)) > "$work/log"
    syslinux --install --offset $((first * 512)) "$work/image"
    menu > "$work/syslinux.cfg"
    export MTOOLS_SKIP_CHECK=1
    mcopy -i "$work/image@@$((first * 512))" "$work/syslinux.cfg" "$kernel" "$initrd" ::/
    [ "$(basename "$kernel")" = kernel ] || mmove -i "$work/image@@$((first * 512))" "::/$(basename "$kernel")" ::/kernel
    ;;
esac
cp --sparse=always "$work/image" "$out"
