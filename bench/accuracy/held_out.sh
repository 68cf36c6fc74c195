#!/bin/sh
# Makes the three corpora that cells.py holds out: named on 2026-11-26, before any scan of them, and
# not to be used to choose a method or a constant.
#
#     sh bench/accuracy/held_out.sh FOLDER
#
#   binaries   two releases each of three Python packages for Linux on x86-64, unpacked
#   kernel     the sources of Linux as Debian patches them, unpacked
#   artefacts  packages as they are (compressed), the same unpacked, and a tar of one of them
#
# They are 0.6 to 1.5 GB each. The versions of Debian's packages are those of the day, and stand in
# FOLDER/versions.txt. Needs pip, npm, unzip, and apt-get and dpkg-deb of Debian 12 on x86-64.
set -eu
mkdir -p "$1"
cd "$1"
temp=$(mktemp -d "$PWD/making.XXXXXX")
trap 'rm -rf "$temp"' EXIT

wheel() {
    pip download -q --no-deps --only-binary=:all: --platform manylinux2014_x86_64 \
        --python-version 3.11 -d "$temp/$1" "$1"
    mkdir -p "binaries/$1"
    unzip -q "$temp/$1"/*.whl -d "binaries/$1"
}

package() {
    (cd "$temp" && apt-get download -q "$1")
    dpkg-deb -W "$temp/$1"_*.deb >> versions.txt
}

if [ ! -e binaries ]; then
    for name in pyarrow==18.1.0 pyarrow==19.0.1 polars==1.32.3 polars==1.33.1 \
        opencv-python-headless==4.10.0.84 opencv-python-headless==4.11.0.86; do
        wheel "$name"
    done
fi
if [ ! -e kernel ]; then
    package linux-source-6.1
    dpkg-deb -x "$temp"/linux-source-6.1_*.deb "$temp/kernel"
    mkdir kernel
    tar -xf "$temp"/kernel/usr/src/linux-source-6.1.tar.xz -C kernel
fi
if [ ! -e artefacts ]; then
    mkdir -p artefacts/packages artefacts/unpacked
    for name in chromium libreoffice-core; do
        package "$name"
        cp "$temp/$name"_*.deb artefacts/packages
        dpkg-deb -x "$temp/$name"_*.deb "artefacts/unpacked/$name"
    done
    tar -cf artefacts/libreoffice-core.tar -C artefacts/unpacked libreoffice-core
    for name in typescript@5.9.2 typescript@5.9.3 next@15.5.0; do
        (cd artefacts/packages && npm pack --silent "$name")
        mkdir "artefacts/unpacked/$name"
        tar -xf "artefacts/packages/$(echo "$name" | tr @ -).tgz" -C "artefacts/unpacked/$name"
    done
fi
du -sm binaries kernel artefacts
