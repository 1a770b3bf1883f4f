"""A PostgreSQL client of a hundred lines over libpq, so that tests need no module beyond Python's own.

    with connect("host=... dbname=...") as c:
        rows = c.query("SELECT 1, NULL")        # [('1', None)]; values are text
        c.copy("COPY t FROM STDIN", ["1\\tx\\n"])

Errors are raised as Error with .sqlstate ('' when the connection was lost: see .lost).
Calls release the interpreter lock, so one thread a connection works.
"""
import ctypes
import time

_pq = ctypes.CDLL("libpq.so.5")
_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for _name, _result, _args in [
    ("PQconnectdb", _P, [_S]), ("PQfinish", None, [_P]), ("PQstatus", _I, [_P]),
    ("PQerrorMessage", _S, [_P]), ("PQexec", _P, [_P, _S]), ("PQclear", None, [_P]),
    ("PQresultStatus", _I, [_P]), ("PQresultErrorField", _S, [_P, _I]),
    ("PQntuples", _I, [_P]), ("PQnfields", _I, [_P]), ("PQgetisnull", _I, [_P, _I, _I]),
    ("PQgetvalue", _S, [_P, _I, _I]), ("PQcmdTuples", _S, [_P]), ("PQbackendPID", _I, [_P]),
    ("PQputCopyData", _I, [_P, _S, _I]), ("PQputCopyEnd", _I, [_P, _S]), ("PQgetResult", _P, [_P]),
    ("PQgetCancel", _P, [_P]), ("PQfreeCancel", None, [_P]), ("PQcancel", _I, [_P, _S, _I]),
    ("PQsetNoticeProcessor", _P, [_P, _P, _P]), ("PQtransactionStatus", _I, [_P]),
    ("PQprepare", _P, [_P, _S, _S, _I, _P]),
    ("PQexecPrepared", _P, [_P, _S, _I, _P, _P, _P, _I]),
    ("PQfn", _P, [_P, _I, _P, _P, _I, _P, _I]),
]:
    getattr(_pq, _name).restype = _result
    getattr(_pq, _name).argtypes = _args
_NOTICE = ctypes.CFUNCTYPE(None, _P, _S)
_COMMAND_OK, _TUPLES_OK, _COPY_IN = 1, 2, 4


class _Argument(ctypes.Structure):
    class _Value(ctypes.Union):
        _fields_ = [("ptr", _P), ("integer", _I)]
    _fields_ = [("len", _I), ("isint", _I), ("value", _Value)]


class Error(Exception):
    def __init__(self, sqlstate, message, lost):
        super().__init__(f"{sqlstate}: {message.strip()}")
        self.sqlstate, self.lost = sqlstate, lost


class Connection:
    def __init__(self, dsn):
        self.notices = []
        self._conn = _pq.PQconnectdb(dsn.encode())
        if _pq.PQstatus(self._conn) != 0:
            message = _pq.PQerrorMessage(self._conn).decode()
            self.close()
            raise Error("", message, True)
        self._notice = _NOTICE(lambda _, text: self.notices.append(text.decode()))
        _pq.PQsetNoticeProcessor(self._conn, ctypes.cast(self._notice, _P), None)
        self.pid = _pq.PQbackendPID(self._conn)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._conn:
            _pq.PQfinish(self._conn)
            self._conn = None

    @property
    def in_transaction(self):
        return _pq.PQtransactionStatus(self._conn) != 0

    def _take(self, result, copy_in=False):
        """The rows of a result (or None without), which is freed."""
        try:
            status = _pq.PQresultStatus(result)
            if status == _TUPLES_OK:
                columns = range(_pq.PQnfields(result))
                return [tuple(None if _pq.PQgetisnull(result, r, c)
                              else _pq.PQgetvalue(result, r, c).decode() for c in columns)
                        for r in range(_pq.PQntuples(result))]
            if status == _COMMAND_OK or (copy_in and status == _COPY_IN):
                return None
            sqlstate = (_pq.PQresultErrorField(result, ord("C")) or b"").decode()
            raise Error(sqlstate, _pq.PQerrorMessage(self._conn).decode(errors="backslashreplace"),
                        sqlstate == "" or _pq.PQstatus(self._conn) != 0)
        finally:
            _pq.PQclear(result)

    def query(self, sql):
        return self._take(_pq.PQexec(self._conn, sql.encode()))

    def value(self, sql):
        return self.query(sql)[0][0]

    def prepare(self, name, sql):
        self._take(_pq.PQprepare(self._conn, name.encode(), sql.encode(), 0, None))

    def execute(self, name, *values):
        array = (_S * len(values))(*[None if v is None else str(v).encode() for v in values])
        return self._take(_pq.PQexecPrepared(self._conn, name.encode(), len(values),
                                             ctypes.cast(array, _P), None, None, 0))

    def fastpath(self, function, values):
        """Call a function by its OID through the protocol's function call; values are bytes in binary form, or None."""
        values = [None if v is None else ctypes.create_string_buffer(v, len(v) + 1) for v in values]
        arguments = (_Argument * max(len(values), 1))()
        for a, v in zip(arguments, values):
            a.len = -1 if v is None else len(v) - 1
            a.value.ptr = None if v is None else ctypes.addressof(v)
        if not hasattr(self, "_room"):
            self._room = ctypes.create_string_buffer(256 * 1024 * 1024)     # libpq does not ask how much there is
        length = ctypes.c_int()
        self._take(_pq.PQfn(self._conn, function, self._room, ctypes.byref(length), 0, arguments, len(values)))

    def copy(self, sql, chunks, fail=None):
        """COPY ... FROM STDIN; with fail the client gives up with that message after the data."""
        self._take(_pq.PQexec(self._conn, sql.encode()), copy_in=True)
        for chunk in chunks:
            data = chunk.encode() if isinstance(chunk, str) else chunk
            if _pq.PQputCopyData(self._conn, data, len(data)) != 1:
                break
        _pq.PQputCopyEnd(self._conn, fail.encode() if fail else None)
        error = None
        while result := _pq.PQgetResult(self._conn):
            try:
                self._take(result)
            except Error as e:
                error = error or e
        if error:
            raise error

    def cancel(self):
        """Ask the server to cancel what another thread runs on this connection."""
        cancel = _pq.PQgetCancel(self._conn)
        buffer = ctypes.create_string_buffer(256)
        _pq.PQcancel(cancel, buffer, 256)
        _pq.PQfreeCancel(cancel)


def connect(dsn):
    return Connection(dsn)


def literal(text):
    """A text as an SQL literal, whatever standard_conforming_strings says."""
    return "NULL" if text is None else "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def connect_when_up(dsn, seconds=60):
    """A connection, as soon as the server takes one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connect(dsn)
        except Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
