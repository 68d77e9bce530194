#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: package.sh ROOT BUILD
# Installs BUILD into a folder, moves that folder, and builds the client against what is left there: by
# CMake and by pkg-config, in C and in C++, shared and static; then as part of the client's own build, which
# is without hwloc.
set -eu
root=$1 build=$2
client=$root/tests/install/client
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

step() { echo "-- $*"; }

run() {
    step "running $1"
    answer=$(LD_LIBRARY_PATH=$lib "$1")
    [ "$answer" = 'F(30) = 832040' ] || { echo "$1 printed: $answer"; exit 1; }
}

step 'installing'
cmake --install "$build" --prefix "$tmp/first" >"$tmp/install.log"
mv "$tmp/first" "$tmp/prefix"
pc=$(find "$tmp/prefix" -name filch.pc)
lib=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
if grep -rlF -e "$root" -e "$tmp/first" "$tmp/prefix/include" "$lib/cmake" "$lib/pkgconfig"; then
    echo 'these installed files name the folder they were built or first installed in'
    exit 1
fi
[ "$("$tmp/prefix/bin/filch" --version)" = "filch $(pkg-config --modversion filch)" ] ||
    { echo 'filch --version and filch.pc differ'; exit 1; }

step 'by CMake'
cmake -S "$client" -B "$tmp/cmake" -DCMAKE_PREFIX_PATH="$tmp/prefix" >"$tmp/log" 2>&1 &&
    cmake --build "$tmp/cmake" >>"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
for kind in c-shared c-static cpp-shared cpp-static; do
    run "$tmp/cmake/client-$kind"
done

step 'by pkg-config'
warnings='-Wall -Wextra -Wpedantic -Werror'
modules='filch filch-bignum'
cc=${CC:-cc} cxx=${CXX:-c++}
$cc -std=c11 $warnings -o "$tmp/pc-c-shared" "$client/client.c" $(pkg-config --cflags --libs $modules)
run "$tmp/pc-c-shared"
$cxx -std=c++17 $warnings -o "$tmp/pc-cpp-shared" "$client/client.cpp" \
    $(pkg-config --cflags --libs $modules)
run "$tmp/pc-cpp-shared"
# -static wants all libraries static: the C library, which not every system has, and those of hwloc.
echo 'int main(void) { return 0; }' >"$tmp/empty.c"
link_static() {
    case $(pkg-config --static --libs filch) in *-lhwloc*) of_hwloc=$(pkg-config --static --libs hwloc) ;;
    *) of_hwloc= ;; esac
    $cc -static -o "$tmp/empty" "$tmp/empty.c" $of_hwloc 2>/dev/null || return 0
    $cc -std=c11 $warnings -static -o "$tmp/pc-c-static" "$client/client.c" \
        $(pkg-config --static --cflags --libs $modules)
    run "$tmp/pc-c-static"
    $cxx -std=c++17 $warnings -static -o "$tmp/pc-cpp-static" "$client/client.cpp" \
        $(pkg-config --static --cflags --libs $modules)
    run "$tmp/pc-cpp-static"
}
link_static

step 'as a folder of the client'
cmake -S "$client" -B "$tmp/folder" -DFILCH_FOLDER="$root" -DFILCH_HWLOC=OFF \
    -DFILCH_INSTALL=ON >"$tmp/log" 2>&1 &&
    cmake --build "$tmp/folder" --parallel 2 >>"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
for kind in c-shared c-static cpp-shared cpp-static; do
    run "$tmp/folder/client-$kind"
done

step 'by pkg-config, static, without hwloc'
cmake --install "$tmp/folder" --prefix "$tmp/static" >"$tmp/install.log"
pc=$(find "$tmp/static" -name filch.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
if pkg-config --static --libs filch | grep hwloc; then
    echo 'filch.pc names hwloc, which is not built in'
    exit 1
fi
link_static
