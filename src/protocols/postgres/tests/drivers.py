"""What a driver sees of injected faults: drivers.py DRIVER PORT prints "ok" or a traceback."""
import asyncio
import importlib
import logging
import sys
import time

# psycopg warns, or not, depending on the moment, that a pipeline it ends was aborted already; errors still show.
logging.getLogger("psycopg").setLevel(logging.ERROR)

driver, port = sys.argv[1], int(sys.argv[2])
login = dict(host="127.0.0.1", port=port, user="postgres", password="it's secret")

try:
    module = importlib.import_module(driver)
except ImportError:
    print(f"missing: python3-{driver} is not installed")
    sys.exit(0)


def expect(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def blocking(errors):
    connect = lambda: module.connect(**login, dbname="postgres")
    connection = connect()
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS faulty (n int)")
    cursor.execute("CREATE TEMP TABLE fine (n int)")
    for _ in range(8):  # psycopg prepares what it sees often
        cursor.execute("INSERT INTO fine VALUES (%s)", (1,))
        error = expect(errors.DiskFull, lambda: cursor.execute("INSERT INTO faulty VALUES (%s)", (1,)))
        assert "disk full" in str(error), error
    cursor.execute("SELECT count(*) FROM fine")
    assert cursor.fetchone()[0] == 8

    connection.autocommit = False
    cursor.execute("INSERT INTO fine VALUES (2)")
    expect(errors.DiskFull, lambda: cursor.execute("INSERT INTO faulty VALUES (2)"))
    expect(errors.InFailedSqlTransaction, lambda: cursor.execute("SELECT 1"))
    connection.rollback()
    cursor.execute("SELECT count(*) FROM fine")
    assert cursor.fetchone()[0] == 8
    connection.commit()

    begun = time.monotonic()
    cursor.execute("SELECT 'slow'")
    assert time.monotonic() - begun >= 0.1
    connection.commit()
    copying(connection, cursor, errors)
    expect(module.OperationalError, lambda: cursor.execute("SELECT 'fatal'"))
    assert connection.closed
    expect(module.OperationalError, lambda: connect().cursor().execute("SELECT 'dropped'"))


def copying(connection, cursor, errors):
    import io
    if driver == "psycopg2":
        cursor.copy_expert("COPY fine FROM STDIN", io.StringIO("5\n6\n"))
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT n FROM fine WHERE n > 4 ORDER BY n) TO STDOUT", out)
        assert out.getvalue() == "5\n6\n"
        expect(errors.DiskFull, lambda: cursor.copy_expert("COPY faulty FROM STDIN", io.StringIO("1\n")))
        connection.rollback()
        return

    def copy_in(table):
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            copy.write("5\n6\n")

    copy_in("fine")
    with cursor.copy("COPY (SELECT n FROM fine WHERE n > 4 ORDER BY n) TO STDOUT") as copy:
        assert b"".join(bytes(chunk) for chunk in copy) == b"5\n6\n"
    expect(errors.DiskFull, lambda: copy_in("faulty"))
    connection.rollback()

    def pipeline():
        with connection.pipeline():
            first = connection.cursor()
            first.execute("SELECT 1")
            connection.execute("INSERT INTO faulty VALUES (3)")
            connection.execute("INSERT INTO fine VALUES (3)")

    expect(errors.DiskFull, pipeline)
    connection.rollback()
    cursor.executemany("INSERT INTO fine VALUES (%s)", [(i,) for i in range(50)])
    connection.commit()


async def asynchronous():
    connection = await module.connect(**login, database="postgres", ssl=False)
    await connection.execute("CREATE TABLE IF NOT EXISTS faulty (n int)")
    await connection.execute("CREATE TEMP TABLE fine (n int)")
    statement = await connection.prepare("INSERT INTO faulty VALUES ($1)")
    for _ in range(3):
        await connection.execute("INSERT INTO fine VALUES ($1)", 1)
        try:
            await statement.fetch(1)
            raise AssertionError("no DiskFullError")
        except module.DiskFullError as error:
            assert str(error) == "disk full", error
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("INSERT INTO faulty VALUES ($1)", 1)
        raise AssertionError("no DiskFullError")
    except module.DiskFullError:
        pass
    try:
        await connection.fetch("SELECT 1")
        raise AssertionError("no InFailedSQLTransactionError")
    except module.InFailedSQLTransactionError:
        pass
    await transaction.rollback()
    try:
        await connection.executemany("INSERT INTO faulty VALUES ($1)", [(1,), (2,)])
        raise AssertionError("no DiskFullError")
    except module.DiskFullError:
        pass
    await connection.copy_records_to_table("fine", records=[(7,), (8,)])
    assert await connection.fetchval("SELECT count(*) FROM fine") == 5
    try:
        await connection.fetch("SELECT 'fatal'")
        raise AssertionError("no error")
    except (module.AdminShutdownError, module.ConnectionDoesNotExistError):
        pass  # it waits for a ReadyForQuery, and then tells of the close instead of the error
    await asyncio.sleep(0)
    assert connection.is_closed()


if driver == "asyncpg":
    asyncio.run(asynchronous())
else:
    blocking(importlib.import_module(f"{driver}.errors"))
print("ok")
