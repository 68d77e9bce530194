# SPDX-License-Identifier: MIT
"""filch as CPython's concurrent.futures: Future, ThreadPoolExecutor, wait and as_completed.

A binding by ctypes to the shared library whose path is in FILCH_LIBRARY. It is there for CPython's
own tests, which are to test filch, so it does nothing itself that filch can do: states, waiting,
queues, threads and their ends are filch's. What is left to it: arguments and results are counted
references to Python objects, carried by filch as `void *`; error codes become exceptions; and what
only Python has, such as logging.

A call through ctypes.CDLL releases the GIL, and a callback takes it, on whatever thread it comes.
"""
import ctypes
import itertools
import logging
import os
import re
import signal
import threading
import time
import weakref
from concurrent.futures import _base, thread
from concurrent.futures import CancelledError, InvalidStateError, TimeoutError
from concurrent.futures.thread import BrokenThreadPool
from ctypes import (POINTER, Structure, byref, c_bool, c_char_p, c_double, c_int, c_size_t,
                    c_void_p, py_object)

LOGGER = logging.getLogger('concurrent.futures')

# ---- The library -------------------------------------------------------------------------------

_lib = ctypes.CDLL(os.environ['FILCH_LIBRARY'])

_TASK = ctypes.CFUNCTYPE(c_void_p, c_void_p)             # filch_fn
_DONE = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)       # filch_done_fn
_DROP = ctypes.CFUNCTYPE(None, c_void_p)                 # drop, destroy, exit_hook
_INIT = ctypes.CFUNCTYPE(c_int, c_void_p)                # initializer
_SOURCE = ctypes.CFUNCTYPE(c_bool, c_void_p, POINTER(c_void_p))  # filch_source_fn


class _ExecutorOptions(Structure):
    _fields_ = [('thread_name_prefix', c_char_p), ('initializer', _INIT),
                ('initializer_arg', c_void_p), ('stack_size', c_size_t), ('spares', c_int),
                ('max_queued', c_size_t), ('when_full', c_int), ('exit_hook', _DROP),
                ('exit_hook_arg', c_void_p)]


class _TaskOptions(Structure):
    _fields_ = [('priority', c_int), ('name', c_char_p), ('token', c_void_p), ('drop', _DROP)]


class _MapOptions(Structure):
    _fields_ = [('chunksize', c_size_t), ('buffersize', c_size_t), ('timeout', c_double),
                ('unordered', c_bool), ('drop', _DROP), ('drop_result', _DROP)]


_handle_out = POINTER(c_void_p)
for _name, _result, *_arguments in (
        ('strerror', c_char_p, c_int),
        ('error_name', c_char_p, c_int),
        ('fail_detail', c_void_p, c_int, c_char_p, c_void_p, _DROP),
        ('thread_current', c_void_p),
        ('interrupt', None, c_void_p),
        ('future_create', c_int, _handle_out),
        ('future_result', c_int, c_void_p, c_double, _handle_out),
        ('future_error_detail', c_void_p, c_void_p),
        ('future_done', c_bool, c_void_p),
        ('future_running', c_bool, c_void_p),
        ('future_cancelled', c_bool, c_void_p),
        ('future_state', c_int, c_void_p),
        ('future_describe', c_size_t, c_void_p, c_char_p, c_size_t),
        ('future_cancel', c_bool, c_void_p),
        ('future_add_done_callback', c_int, c_void_p, _DONE, c_void_p),
        ('future_set_running_or_notify_cancel', c_int, c_void_p),
        ('future_set_result', c_int, c_void_p, c_void_p),
        ('future_set_error_detail', c_int, c_void_p, c_int, c_char_p, c_void_p, _DROP),
        ('future_release', None, c_void_p),
        ('wait', c_int, _handle_out, c_size_t, c_int, c_double, POINTER(c_bool), c_void_p),
        ('as_completed_create', c_int, _handle_out, c_size_t, c_double, _handle_out),
        ('as_completed_next', c_int, c_void_p, _handle_out),
        ('as_completed_error', c_char_p, c_void_p),
        ('as_completed_destroy', None, c_void_p),
        ('executor_create', c_int, c_int, POINTER(_ExecutorOptions), _handle_out),
        ('executor_submit_with', c_int, c_void_p, POINTER(_TaskOptions), _TASK, c_void_p,
         _handle_out),
        ('executor_threads', c_int, c_void_p),
        ('executor_shutdown', c_int, c_void_p, c_bool, c_bool),
        ('executor_detach', None, c_void_p),
        ('executor_state', c_int, c_void_p),
        ('executor_end_future', c_int, c_void_p, _handle_out),
        ('map_create', c_int, c_void_p, _TASK, _SOURCE, c_void_p, POINTER(_MapOptions),
         _handle_out),
        ('map_next', c_int, c_void_p, _handle_out),
        ('map_error_detail', c_void_p, c_void_p),
        ('map_destroy', None, c_void_p)):
    _function = getattr(_lib, 'filch_' + _name)
    _function.restype, _function.argtypes = _result, _arguments

# FILCH_EINVAL and so on, from the library's own table.
_codes = {}
for _code in itertools.count(-1, -1):
    _name = _lib.filch_error_name(_code)
    if not _name:
        break
    _codes[_name.decode()] = _code
EEND, ETIMEDOUT, ESTATE, EINTR = (
    _codes['FILCH_' + name] for name in ('EEND', 'ETIMEDOUT', 'ESTATE', 'EINTR'))
BROKEN = 1  # of enum filch_executor_state

_exceptions = {_codes['FILCH_' + name]: exception for name, exception in (
    ('EINVAL', ValueError), ('EMAXWORKERS', ValueError), ('ECHUNKSIZE', ValueError),
    ('ENOMEM', MemoryError), ('ETIMEDOUT', TimeoutError), ('ECANCELED', CancelledError),
    ('EBROKEN', BrokenThreadPool))}


def _exception_of(code):
    if code in (ETIMEDOUT, _codes['FILCH_ECANCELED']):
        return _exceptions[code]()
    if code == _codes['FILCH_ESHUTDOWN']:
        return RuntimeError('cannot schedule new futures after shutdown')
    return _exceptions.get(code, RuntimeError)(_lib.filch_strerror(code).decode())


def _check(code):
    if code:
        raise _exception_of(code)


def _seconds(timeout):
    return float('inf') if timeout is None else timeout


def _handles(futures):
    return (c_void_p * len(futures))(*(future._handle for future in futures))


# ---- Objects as `void *` -----------------------------------------------------------------------

def _give(thing):
    """The address of an object, with a reference that belongs to whoever has the address."""
    ctypes.pythonapi.Py_IncRef(py_object(thing))
    return id(thing)


def _look(address):
    return ctypes.cast(address, py_object).value


def _take(address):
    """The object at an address; takes the reference back."""
    thing = _look(address)
    ctypes.pythonapi.Py_DecRef(py_object(thing))
    return thing


@_DROP
def _drop(address):
    """Nobody will ask for what is there any more."""
    _take(address)


# ---- Signals -----------------------------------------------------------------------------------

# Python's handlers run on the main thread, between two steps of the interpreter. So a signal has to
# end what the main thread waits for; it then waits again, if its handler raises nothing.
_main_thread = _lib.filch_thread_current()


def _watch_signals():
    signals, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def watch():
        while os.read(signals, 1):
            _lib.filch_interrupt(_main_thread)

    threading.Thread(target=watch, daemon=True).start()


_watch_signals()


def _wait(function, *arguments, timeout=None):
    """function(*arguments, timeout): its return value once it has not been interrupted."""
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        code = function(*arguments, _seconds(timeout))
        if code != EINTR:
            return code
        if until is not None:
            timeout = max(until - time.monotonic(), 0)


# ---- Exceptions as errors of tasks -------------------------------------------------------------

RAISED = 1  # the code of a task that has raised an exception, which is its detail


def _name_of(exception):
    return type(exception).__name__.encode()


# ---- Tasks -------------------------------------------------------------------------------------

class _Task:
    """A call to make. Its address is the argument of _run()."""
    __slots__ = 'call',

    def __init__(self, *call):
        self.call = call


@_TASK
def _run(address):
    task = _take(address)
    (fn, args, kwargs), task.call = task.call, None
    try:
        return _give(fn(*args, **kwargs))
    except BaseException as exception:
        return _lib.filch_fail_detail(RAISED, _name_of(exception), _give(exception), _drop)


_task_options = _TaskOptions(drop=_drop)


@_DONE
def _forget(handle, nothing):
    """Of a future that no Python object stands for any more: drops its result."""
    value = c_void_p()
    if _lib.filch_future_result(handle, 0, byref(value)) == 0:
        _take(value.value)


# ---- Future ------------------------------------------------------------------------------------

class Future:
    _handle = None
    _finishing = False  # see _state

    def __init__(self):
        handle = c_void_p()
        _check(_lib.filch_future_create(byref(handle)))
        self._handle = handle.value

    @classmethod
    def _of(cls, handle):
        self = cls.__new__(cls)
        self._handle = handle
        return self

    def __del__(self):
        if self._handle:
            _lib.filch_future_add_done_callback(self._handle, _forget, None)
            _lib.filch_future_release(self._handle)

    def cancel(self):
        return _lib.filch_future_cancel(self._handle)

    def cancelled(self):
        return _lib.filch_future_cancelled(self._handle)

    def running(self):
        return _lib.filch_future_running(self._handle)

    def done(self):
        return _lib.filch_future_done(self._handle)

    def result(self, timeout=None):
        code, value = self._await(timeout)
        if code == 0:
            return _look(value)
        try:
            raise self._error(code)
        finally:
            self = None  # the exception's traceback leads here

    def exception(self, timeout=None):
        code, _ = self._await(timeout)
        if code == 0:
            return None
        exception = self._error(code)
        if code in (ETIMEDOUT, _codes['FILCH_ECANCELED']):
            raise exception
        return exception

    def _await(self, timeout):
        value = c_void_p()
        code = _wait(lambda seconds: _lib.filch_future_result(self._handle, seconds,
                                                              byref(value)), timeout=timeout)
        return code, value.value

    def _error(self, code):
        if code == RAISED:
            return _look(_lib.filch_future_error_detail(self._handle))
        return _exception_of(code)

    def add_done_callback(self, fn):
        _check(_lib.filch_future_add_done_callback(self._handle, _call_back, _give((self, fn))))

    def set_running_or_notify_cancel(self):
        runs = _lib.filch_future_set_running_or_notify_cancel(self._handle)
        if runs < 0:
            _check(runs)
        return runs == 1

    def set_result(self, result):
        address = _give(result)
        self._set(_lib.filch_future_set_result(self._handle, address), address)

    def set_exception(self, exception):
        address = _give(exception)
        self._set(_lib.filch_future_set_error_detail(self._handle, RAISED, _name_of(exception),
                                                     address, _drop), address)

    def _set(self, error, address):
        if error:
            _take(address)
        if error == ESTATE:
            raise InvalidStateError(f'{self._state}: {self!r}')
        _check(error)

    def __repr__(self):
        line = ctypes.create_string_buffer(400)
        _lib.filch_future_describe(self._handle, line, len(line))
        head, state, outcome = line.value.decode(errors='replace').partition('state=finished')
        if not state:
            return head
        exception = self.exception(0)
        if exception is None:
            return f'{head}{state} returned {type(self.result()).__name__}>'
        return f'{head}{state} raised {type(exception).__name__}>'

    # What the tests know of CPython's futures: they bring one into a state by setting _state, then
    # _exception, then _result, and wake whoever waits through _condition.

    @property
    def _state(self):
        return _base._FUTURE_STATES[_lib.filch_future_state(self._handle)]

    @_state.setter
    def _state(self, state):
        if state in (_base.CANCELLED, _base.CANCELLED_AND_NOTIFIED):
            self.cancel()
        if state in (_base.RUNNING, _base.CANCELLED_AND_NOTIFIED):
            self.set_running_or_notify_cancel()
        self._finishing = state == _base.FINISHED

    def _finish_with(self, exception):
        if self._finishing and exception is not None:
            self.set_exception(exception)

    def _finish(self, result):
        if self._finishing and not self.done():
            self.set_result(result)

    _exception = property(fset=_finish_with)
    _result = property(fset=_finish)

    class _condition:
        def __enter__(self):
            pass

        def __exit__(self, *error):
            pass

        def notify_all(self):
            pass

    _condition = _condition()


@_DONE
def _call_back(handle, address):
    future, fn = _take(address)
    try:
        fn(future)
    except Exception:
        LOGGER.exception('exception calling callback for %r', future)


# ---- Several futures ---------------------------------------------------------------------------

_WHEN = _base.ALL_COMPLETED, _base.FIRST_COMPLETED, _base.FIRST_EXCEPTION


def wait(fs, timeout=None, return_when=_base.ALL_COMPLETED):
    if return_when not in _WHEN:
        raise ValueError(f'Invalid return condition: {return_when!r}')
    fs = set(fs)
    # To filch a cancelled future is done (sched/README.md, where filch differs). CPython does not
    # count it before its executor has seen it, which matters where the first one decides.
    unseen = {future for future in fs
              if future._state == _base.CANCELLED and return_when != _base.ALL_COMPLETED}
    awaited = list(fs - unseen)
    done = (c_bool * len(awaited))()
    _check(_wait(lambda seconds: _lib.filch_wait(_handles(awaited), len(awaited),
                                                 _WHEN.index(return_when), seconds, done, None),
                 timeout=timeout))
    done = {future for future, is_done in zip(awaited, done) if is_done}
    return _base.DoneAndNotDoneFutures(done, fs - done)


def as_completed(fs, timeout=None):
    futures = {future._handle: future for future in fs}
    iterator = c_void_p()
    _check(_lib.filch_as_completed_create(_handles(futures.values()), len(futures),
                                          _seconds(timeout), byref(iterator)))
    try:
        while True:
            handle = c_void_p()
            error = _lib.filch_as_completed_next(iterator, byref(handle))
            if error == EEND:
                return
            if error == EINTR:
                continue
            if error == ETIMEDOUT:
                raise TimeoutError(_lib.filch_as_completed_error(iterator).decode())
            _check(error)
            _lib.filch_future_release(handle)
            yield futures.pop(handle.value)
    finally:
        _lib.filch_as_completed_destroy(iterator)


# ---- ThreadPoolExecutor ------------------------------------------------------------------------

@_INIT
def _initialize(address):
    """A worker comes. It keeps its thread state until it goes: else each callback would make one,
    without the GIL, and a fork() at that moment leaves the child with a lock that nobody opens."""
    initializer, initargs = _look(address)
    try:
        if initializer is not None:
            initializer(*initargs)
    except BaseException:
        LOGGER.critical('Exception in initializer:', exc_info=True)
        _forget_thread()
        return 1
    ctypes.pythonapi.PyGILState_Ensure()
    return 0


@_DROP
def _finalize(address):
    """A worker goes."""
    _forget_thread()
    ctypes.pythonapi.PyGILState_Release(0)  # PyGILState_LOCKED: this callback has it


def _forget_thread():
    """Whoever asks for the current thread makes an object for it, which is to go with the thread:
    nobody tells Python of the end of a thread that it did not start."""
    threading._active.pop(threading.get_ident(), None)


class _Thread:
    """A thread of an executor, as the system sees it."""

    def __init__(self, number):
        self.number = number
        try:
            with open(f'/proc/self/task/{number}/comm') as comm:
                self.name = comm.read().rstrip('\n')
        except (FileNotFoundError, ProcessLookupError):
            self.name = None  # it has ended

    def join(self):
        while self.name and _Thread(self.number).name == self.name:
            time.sleep(0.001)


class _Threads:
    """The threads of an executor at one moment."""

    def __init__(self, executor):
        self.started = _lib.filch_executor_threads(executor._handle)
        name = re.compile(re.escape(executor._prefix) + r'_\d+')
        for _ in range(1000):
            threads = (_Thread(int(number)) for number in os.listdir('/proc/self/task'))
            self.threads = [t for t in threads if t.name and name.fullmatch(t.name)]
            if executor._shut_down or len(self.threads) >= self.started:
                break
            time.sleep(0.001)  # one has not got its name yet

    def __len__(self):
        return self.started

    def __iter__(self):
        return iter(self.threads)


_executors = weakref.WeakSet()
_detached = []  # of executors that nobody refers to: their ends, and what their threads use


class ThreadPoolExecutor(_base.Executor):
    _handle = None
    _shut_down = False
    _counter = itertools.count()

    def __init__(self, max_workers=None, thread_name_prefix='', initializer=None, initargs=()):
        if max_workers is None:
            processors = getattr(os, 'process_cpu_count', os.cpu_count)
            max_workers = min(32, (processors() or 1) + 4)
        if initializer is not None and not callable(initializer):
            raise TypeError('initializer must be a callable')
        self._max_workers = max_workers
        self._prefix = thread_name_prefix or f'tpe-{next(self._counter)}'
        self._initializer = initializer, initargs
        options = _ExecutorOptions(self._prefix.encode(), _initialize, id(self._initializer),
                                   exit_hook=_finalize)
        handle = c_void_p()
        _check(_lib.filch_executor_create(max_workers, byref(options), byref(handle)))
        self._handle = handle.value
        _executors.add(self)

    def submit(self, fn, /, *args, **kwargs):
        task = _Task(fn, args, kwargs)
        handle = c_void_p()
        error = _lib.filch_executor_submit_with(self._handle, byref(_task_options), _run,
                                                _give(task), byref(handle))
        if error:
            _take(id(task))
            raise _exception_of(error)
        return Future._of(handle.value)

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None):
        return _Map(self, fn, zip(*iterables), timeout, chunksize, buffersize)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._shut_down = True
        end = self._end() if wait else None
        _check(_lib.filch_executor_shutdown(self._handle, False, cancel_futures))
        if wait:
            _await_end(end)

    def _end(self):
        handle = c_void_p()
        _check(_lib.filch_executor_end_future(self._handle, byref(handle)))
        return handle.value

    def __del__(self):
        if self._handle:
            _detached.append((self._end(), self._initializer))
            _lib.filch_executor_detach(self._handle)
            while _detached and _lib.filch_future_done(_detached[0][0]):
                _lib.filch_future_release(_detached.pop(0)[0])

    # What the tests ask CPython's executors for.

    @property
    def _threads(self):
        return _Threads(self)

    @property
    def _broken(self):
        return _lib.filch_executor_state(self._handle) == BROKEN


def _await_end(end):
    try:
        _check(_wait(lambda seconds: _lib.filch_future_result(end, seconds, None)))
    finally:
        _lib.filch_future_release(end)


def _at_exit():
    """The interpreter ends. No callback may come any later."""
    for executor in list(_executors):
        executor.shutdown(wait=True)
    while _detached:
        _await_end(_detached.pop()[0])


threading._register_atexit(_at_exit)


@_SOURCE
def _next_item(address, item):
    """The source of a map: the next task."""
    source = _look(address)
    try:
        args = next(source.items)
    except StopIteration:
        return False
    except BaseException as exception:
        source.exception = exception
        return False
    item[0] = _give(_Task(source.fn, args, {}))
    return True


class _Map:
    """What map() returns."""
    _handle = None
    exception = None  # that the iterables have raised

    def __init__(self, executor, fn, items, timeout, chunksize, buffersize):
        self.fn, self.items = fn, items
        if buffersize is not None:
            self.executor = executor
        options = _MapOptions(chunksize, buffersize or 0, _seconds(timeout), False, _drop, _drop)
        handle = c_void_p()
        _check(_lib.filch_map_create(executor._handle, _run, _next_item, id(self),
                                     byref(options), byref(handle)))
        self._handle = handle.value
        if self.exception:
            raise self.exception

    def __iter__(self):
        return self

    def __next__(self):
        if not self._handle:
            raise StopIteration
        value = c_void_p()
        code = _wait(lambda seconds: _lib.filch_map_next(self._handle, byref(value)))
        if code == 0:
            return _take(value.value)
        if code == RAISED:
            exception = _look(_lib.filch_map_error_detail(self._handle))
        else:
            exception = StopIteration() if code == EEND else _exception_of(code)
        self.close()
        raise exception

    def close(self):
        handle, self._handle = self._handle, None
        _lib.filch_map_destroy(handle)

    def __del__(self):
        self.close()


# ---- In its place ------------------------------------------------------------------------------

import concurrent.futures


def install():
    """Puts the names above in the place of CPython's."""
    for name in 'Future', 'wait', 'as_completed', 'ThreadPoolExecutor':
        for module in concurrent.futures, _base, thread:
            if name in vars(module) or module is concurrent.futures:
                setattr(module, name, globals()[name])
