#!/bin/sh
# Draws the pictures of docs/ anew: the guests of the graphics tests, at the moment when a test judged their screen.
#
#     scripts/pictures.sh [GNOMON]      the binary, build/gnomon by default; guests come from scripts/guests.sh all
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
install_packages pngquant $test_packages
gnomon=${1:-build/gnomon}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GNOMON_PICTURES="$folder"
guests=.cache/guests
python3 tests/video/video_boots.py --gnomon "$gnomon" --guests $guests grub-starfield grub-invaders debian-installer-gtk
python3 tests/control/window_test.py --gnomon "$gnomon" --guests $guests
for picture in "$folder"/*.png; do
    colours=256
    [ "$(basename "$picture")" = grub.png ] && colours=48    # stars everywhere
    pngquant --force --skip-if-larger --nofs --output "docs/$(basename "$picture")" $colours "$picture" ||
        cp "$picture" docs/
done
ls -l docs/*.png
