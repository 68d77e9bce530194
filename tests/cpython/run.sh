#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: run.sh ROOT LIBFILCH.SO [CLASS.TEST...]
# CPython's own tests of concurrent.futures, against filch: run.py, by a Python that has its tests.
set -eu
exec 2>&1
root=$1
shift
. "$root/bench/setup.sh"
for python in /usr/bin/python3 python3; do
    ! python_has_tests "$python" || exec "$python" -B "$root/tests/cpython/run.py" "$@"
done
if have program:apt-get; then
    die "there is no Python with its tests: apt-get install $(package_of library:python-testsuite)"
fi
say 'there is no Python with its tests here, and no apt-get to install it with'
exit 77
