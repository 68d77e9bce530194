# SPDX-License-Identifier: MIT
# What bench/run.sh, bench/peers/run.sh and tests/run.sh share; they source it with $root set to
# the top of the tree. Needs come as words `program:NAME`, `header:NAME` or `library:NAME`,
# which is pkg-config's name for it where it has one; what is missing is installed where there
# is apt-get, and named where there is none. With nothing missing, no package tool is run at all.

say() { printf 'filch: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Runs a command quietly: its output goes to $log, whose end is shown if it fails.
# $1: what to say then.
quietly() {
    complaint=$1
    shift
    mkdir -p "$(dirname "$log")"
    printf '\n$ %s\n' "$*" >>"$log"
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "$complaint (all of it: $log)"
    fi
}

# Has this Python got the tests of its own library?
python_has_tests() {
    "$1" -I -c 'import sys; from importlib.util import find_spec
sys.exit(not find_spec("test.test_concurrent_futures"))' 2>/dev/null
}

# Is this need met?
have() {
    case $1 in
    program:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    header:*) echo "#include <${1#*:}>" | ${CC:-cc} -E - >/dev/null 2>&1 ;;
    library:omp) echo 'int main(void) { return 0; }' |
        clang -fopenmp=libomp -x c - -o /dev/null 2>/dev/null ;;
    library:flint) have header:flint/fmpz.h ;;
    library:rayon) ls -d /usr/share/cargo/registry/rayon-[0-9]* >/dev/null 2>&1 ;;
    library:python-testsuite) python_has_tests /usr/bin/python3 ;;
    library:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    esac
}

# The Debian package that meets it.
package_of() {
    case $1 in
    program:cc) echo gcc ;;
    header:stdio.h) echo libc6-dev ;;
    library:ck) echo libck-dev ;;
    library:gmp) echo libgmp-dev ;;
    library:hwloc) echo libhwloc-dev ;;
    library:criterion) echo libcriterion-dev ;;
    library:omp) echo libomp-dev ;;
    library:flint) echo libflint-dev ;;
    library:rayon) echo librust-rayon-dev ;;
    library:tbb) echo libtbb-dev ;;
    library:python-testsuite)
        /usr/bin/python3 -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])'
        ;;
    program:go) echo golang-go ;;
    program:*) echo "${1##*[:/]}" ;;
    esac
}

# What it is called elsewhere.
describe() {
    case $1 in
    program:cc) echo 'a C compiler (gcc or clang)' ;;
    header:stdio.h) echo 'the headers of the C library' ;;
    library:ck) echo 'Concurrency Kit >= 0.7 with its headers (ck.pc)' ;;
    library:gmp) echo 'GMP with its headers (gmp.pc)' ;;
    library:hwloc) echo 'hwloc >= 2.0 with its headers (hwloc.pc)' ;;
    library:criterion) echo 'Criterion >= 2.4 with its headers (criterion.pc)' ;;
    library:omp) echo "clang's OpenMP library" ;;
    library:flint) echo 'FLINT with its headers (flint/fmpz.h)' ;;
    library:rayon) echo 'the crate rayon in /usr/share/cargo/registry' ;;
    library:tbb) echo 'oneTBB with its headers (tbb.pc)' ;;
    library:python-testsuite) echo "the tests of Python's library" ;;
    program:go) echo 'Go >= 1.19' ;;
    program:*) echo "${1#*:}" ;;
    esac
}

# What a build needs.
build_needs='program:cc header:stdio.h program:make program:cmake program:pkg-config
             library:ck library:gmp library:hwloc'

# install_missing NEED...
install_missing() {
    missing='' packages=''
    for need; do
        case $need in program:make) have program:ninja && continue ;; esac
        have "$need" && continue
        missing="$missing $need"
        packages="$packages $(package_of "$need")"
    done
    [ -n "$missing" ] || return 0
    packages=${packages# }

    if ! command -v apt-get >/dev/null 2>&1; then
        say 'these are missing, and there is no apt-get to install them with:'
        for need in $missing; do say "  $(describe "$need")"; done
        die "install them and run this again (Debian calls them: $packages)"
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "neither root nor sudo: run as root 'apt-get install $packages', then this again"
        as_root=sudo
    fi
    log=$root/build/install.log
    say 'reading the lists of packages'
    quietly 'apt-get update failed' $as_root apt-get update
    say "installing $packages"
    quietly "apt-get could not install $packages" \
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages
    for need in $missing; do
        have "$need" || die "$(package_of "$need") is installed, yet $(describe "$need") is not found"
    done
}

# configure DIR OPTION...: DIR is relative to $root.
configure() {
    dir=$1
    shift
    log=$root/$dir/log.txt
    rm -f "$log"
    # A generator is chosen once: Ninja where it is installed.
    if [ ! -e "$root/$dir/CMakeCache.txt" ] && have program:ninja; then
        set -- -G Ninja "$@"
    fi
    say "configuring $dir/"
    quietly "configuring $dir/ failed" cmake -S "$root" -B "$root/$dir" "$@"
}

# build DIR OPTION...: after configure DIR.
build() {
    dir=$1
    shift
    log=$root/$dir/log.txt
    say "building $dir/"
    quietly "building $dir/ failed" cmake --build "$root/$dir" --parallel "$(nproc)" "$@"
}
