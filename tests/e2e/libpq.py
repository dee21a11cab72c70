"""SQL over a connection of its own, by libpq itself: what `psql -c` does, without a process each time (half of what a short question costs)."""
import ctypes
import select
import time

CONNECTION_OK = 0
COMMAND_OK, TUPLES_OK, EMPTY_QUERY = 1, 2, 0

_LIB = ctypes.CDLL("libpq.so.5")
_NOTICES = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_drop_notice = _NOTICES(lambda _, __: None)  # libpq would print them.
for _name, _result, *_arguments in (
        ("PQconnectdb", ctypes.c_void_p, ctypes.c_char_p), ("PQfinish", None, ctypes.c_void_p), ("PQstatus", ctypes.c_int, ctypes.c_void_p),
        ("PQerrorMessage", ctypes.c_char_p, ctypes.c_void_p), ("PQsocket", ctypes.c_int, ctypes.c_void_p),
        ("PQsetNoticeProcessor", ctypes.c_void_p, ctypes.c_void_p, _NOTICES, ctypes.c_void_p),
        ("PQsendQuery", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p), ("PQconsumeInput", ctypes.c_int, ctypes.c_void_p),
        ("PQisBusy", ctypes.c_int, ctypes.c_void_p), ("PQgetResult", ctypes.c_void_p, ctypes.c_void_p),
        ("PQresultStatus", ctypes.c_int, ctypes.c_void_p), ("PQresultErrorMessage", ctypes.c_char_p, ctypes.c_void_p),
        ("PQntuples", ctypes.c_int, ctypes.c_void_p), ("PQnfields", ctypes.c_int, ctypes.c_void_p), ("PQclear", None, ctypes.c_void_p),
        ("PQgetvalue", ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)):
    getattr(_LIB, _name).restype = _result
    getattr(_LIB, _name).argtypes = _arguments


class Session:
    """One connection; for one thread at a time."""

    def __init__(self, uri):
        self.connection = _LIB.PQconnectdb(uri.encode())
        self.error = "" if _LIB.PQstatus(self.connection) == CONNECTION_OK else _text(_LIB.PQerrorMessage(self.connection))
        _LIB.PQsetNoticeProcessor(self.connection, _drop_notice, None)

    def ask(self, sql, limit_s=300):
        """All rows as lists of texts (a NULL as ''), as far as there was no error, and the error's text."""
        rows = []
        if self.error or not _LIB.PQsendQuery(self.connection, sql.encode()):
            return rows, self.error or _text(_LIB.PQerrorMessage(self.connection))
        deadline = time.monotonic() + limit_s
        error = ""
        while True:
            while _LIB.PQisBusy(self.connection):
                waiting = select.poll()
                waiting.register(_LIB.PQsocket(self.connection), select.POLLIN)
                if not waiting.poll(max(0, int(1000 * (deadline - time.monotonic())))):
                    raise AssertionError(f"no answer for {limit_s} s to: {sql}")
                if not _LIB.PQconsumeInput(self.connection):
                    return rows, _text(_LIB.PQerrorMessage(self.connection))
            result = _LIB.PQgetResult(self.connection)
            if not result:
                return rows, error
            try:
                status = _LIB.PQresultStatus(result)
                if status == TUPLES_OK:
                    columns = range(_LIB.PQnfields(result))
                    rows += [[_text(_LIB.PQgetvalue(result, row, column)) for column in columns] for row in range(_LIB.PQntuples(result))]
                elif status not in (COMMAND_OK, EMPTY_QUERY):
                    error = _text(_LIB.PQresultErrorMessage(result))
                    if not error:
                        raise AssertionError(f"COPY is for psql: {sql}")
            finally:
                _LIB.PQclear(result)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        _LIB.PQfinish(self.connection)


def _text(value):
    return (value or b"").decode()
