# SPDX-License-Identifier: MIT
"""usage: run.py LIBFILCH.SO [CLASS.TEST...]

Runs the tests of CPython's concurrent.futures, as they are installed, against filch: all those of
futures and of executors with threads but those that skipped.txt names, and those of own_tests.py; or
only those given.
"""
import collections
import faulthandler
import importlib
import os
import pkgutil
import platform
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = 'test.test_concurrent_futures'  # a module, or, from 3.12 on, a package

# What a Python that a test starts does first.
IN_CHILD = f"""\
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {HERE!r})
import filch_futures
filch_futures.install()
"""

LIMIT = 60  # seconds that a test may take; the longest takes 6


class Result(unittest.TextTestResult):
    def startTest(self, test):
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()


def load():
    """Each test under its name, CLASS.TEST."""
    package = importlib.import_module(TESTS)
    modules = [package]
    if hasattr(package, '__path__'):
        modules = [importlib.import_module(f'{TESTS}.{module.name}')
                   for module in pkgutil.iter_modules(package.__path__)
                   if module.name.startswith('test_')]
    modules.append(importlib.import_module('own_tests'))
    tests = {}
    for module in modules:
        if hasattr(module, 'assert_python_ok'):
            module.assert_python_ok = in_child(module.assert_python_ok)
        suites = [unittest.TestLoader().loadTestsFromModule(module)]
        while suites:
            for test in suites.pop():
                if isinstance(test, unittest.TestSuite):
                    suites.append(test)
                elif is_about_threads(test):
                    tests['.'.join(test.id().split('.')[-2:])] = test
    return tests


def is_about_threads(test):
    """Or about futures alone, or one of those beside CPython's; the others are about processes."""
    import filch_futures
    executor = getattr(test, 'executor_type', None)
    return (executor is filch_futures.ThreadPoolExecutor or type(test).__name__ == 'FutureTests'
            or type(test).__module__ == 'own_tests')


def in_child(assert_python_ok):
    def wrapped(option, program):
        assert option == '-c'
        return assert_python_ok('-c', IN_CHILD + program)
    return wrapped


def read_skipped():
    """The reason for each test that is left out."""
    skipped = {}
    with open(os.path.join(HERE, 'skipped.txt')) as lines:
        for line in lines:
            if line.strip() and not line.startswith('#'):
                name, reason = line.split(None, 1)
                skipped[name] = reason.strip()
    return skipped


def main():
    os.environ['FILCH_LIBRARY'] = os.path.abspath(sys.argv[1])
    import filch_futures
    filch_futures.install()
    tests = load()
    skipped = read_skipped()
    unknown = [name for name in [*skipped, *sys.argv[2:]] if name not in tests]
    if unknown:
        sys.exit(f'there is no test {", ".join(unknown)}')
    names = sys.argv[2:] or [name for name in tests if name not in skipped]

    by_module = collections.defaultdict(unittest.TestSuite)
    for name in names:
        by_module[type(tests[name]).__module__].addTest(tests[name])
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(unittest.TestSuite(by_module.values()))
    faulthandler.dump_traceback_later(LIMIT, exit=True)  # the interpreter has to end, too

    for name, reason in skipped.items():
        print(f'left out: {name}: {reason}')
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    print(f'{TESTS} of Python {platform.python_version()}: {passed} passed, {failed} failed, '
          f'{len(result.skipped)} skipped, {len(tests) - len(names)} left out')
    if failed or not passed:
        sys.stdout.flush()
        os._exit(1)  # tasks of a failed test may wait for ever


if __name__ == '__main__':
    main()
