# SPDX-License-Identifier: MIT
"""What CPython's tests do not ask for. A signal handler that raises ends what the main thread waits
for, and nothing is lost by it; one that does not has it go on. And what filch carries is given back."""
import concurrent.futures as futures
import gc
import os
import signal
import threading
import unittest
import weakref


class SignalTests(unittest.TestCase):
    def setUp(self):
        self.executor = futures.ThreadPoolExecutor(1)
        self.done = threading.Event()
        self.held = self.executor.submit(self.done.wait)
        self.last = self.executor.submit(str, 7)

    def tearDown(self):
        self.done.set()
        self.executor.shutdown()

    def interrupted(self, wait, number=signal.SIGINT):
        """wait(), into which a signal comes."""
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        try:
            return wait()
        finally:
            timer.join()

    def check(self, wait):
        with self.assertRaises(KeyboardInterrupt):
            self.interrupted(wait)
        self.done.set()
        self.assertEqual(self.last.result(), '7')

    def test_result(self):
        self.check(self.last.result)

    def test_exception(self):
        self.check(lambda: self.last.exception(timeout=50))

    def test_wait(self):
        self.check(lambda: futures.wait([self.held, self.last]))

    def test_as_completed(self):
        self.check(lambda: list(futures.as_completed([self.last])))

    def test_map(self):
        self.check(lambda: list(self.executor.map(str, range(3))))

    def test_shutdown(self):
        self.check(self.executor.shutdown)

    def test_a_handler_that_returns(self):
        calls = []

        def handler(number, frame):
            calls.append(number)
            self.done.set()

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            self.assertEqual(self.interrupted(self.last.result, signal.SIGUSR1), '7')
        finally:
            signal.signal(signal.SIGUSR1, before)
        self.assertEqual(calls, [signal.SIGUSR1])

    def test_time_is_kept(self):
        before = signal.signal(signal.SIGUSR1, lambda *_: None)
        try:
            with self.assertRaises(futures.TimeoutError):
                self.interrupted(lambda: self.last.result(timeout=0.3), signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, before)


class ReferenceTests(unittest.TestCase):
    """Each object that filch carries is given back."""

    class Thing:
        pass

    def setUp(self):
        self.references = []

    def thing(self):
        thing = self.Thing()
        self.references.append(weakref.ref(thing))
        return thing

    def assert_all_gone(self):
        self.assertTrue(self.references)
        for reference in self.references:
            self.assertIsNone(reference())

    def test_arguments_of_cancelled_tasks(self):
        done = threading.Event()
        with futures.ThreadPoolExecutor(1) as executor:
            held = executor.submit(done.wait)
            cancelled = [executor.submit(id, self.thing()) for _ in range(5)]
            self.assertTrue(all(future.cancel() for future in cancelled))
            executor.submit(id, self.thing())  # for nobody, and cancelled by the shutdown
            executor.shutdown(wait=False, cancel_futures=True)
            done.set()
        self.assert_all_gone()

    def test_exceptions(self):
        def fail(thing):
            error = ValueError('on purpose')
            error.thing = thing
            raise error.with_traceback(None)

        with futures.ThreadPoolExecutor(1) as executor:
            executor.submit(fail, self.thing())
            future = executor.submit(fail, self.thing())
            self.assertIsInstance(future.exception().thing, self.Thing)
        del future
        gc.collect()
        self.assert_all_gone()

    def test_results_of_a_map_that_is_left(self):
        with futures.ThreadPoolExecutor(2) as executor:
            results = executor.map(lambda _: self.thing(), range(20))
            next(results)
            results.close()
        del results
        self.assert_all_gone()


if __name__ == '__main__':
    unittest.main()
