# Debian packages that building and testing need; sourced by run and check.
build_packages='cmake ninja-build g++ clang-19 lld-19 ccache pkg-config python3 acpica-tools console-setup-linux
    libfmt-dev zlib1g-dev libgtest-dev libgmock-dev libtomlplusplus-dev libcli11-dev libsdl2-dev libzydis-dev libdw-dev
    libedit-dev nlohmann-json3-dev libvncserver-dev'
run_packages='cpio gzip'
test_packages='nasm libunicorn-dev seabios xorriso mtools isolinux syslinux syslinux-common grub-common grub-pc-bin grub-efi-amd64-bin dosfstools fdisk
    xz-utils binutils gcc-multilib libc6-dev-i386 qemu-system-x86 git xvfb xdotool vncsnapshot xtightvncviewer weston grub-theme-starfield gdb lldb-14'
long_packages='debootstrap e2fsprogs'    # what `./check --long` needs beyond these

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs what is missing of the named packages.
install_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q ' installed$' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "Installing:$missing"
    as_root apt-get update -q > /dev/null 2>&1 || echo 'apt-get update reported errors; going on' >&2
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing > /dev/null || {
        echo "could not install:$missing" >&2
        return 1
    }
}
