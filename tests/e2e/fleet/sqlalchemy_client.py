"""SQLAlchemy over psycopg2 through a pooler: python3 sqlalchemy_client.py URI MODE. The last line is "ok"."""
import sys

import sqlalchemy
from sqlalchemy import orm

URI, MODE = sys.argv[1].replace("postgresql://", "postgresql+psycopg2://"), sys.argv[2]
Base = orm.declarative_base()


class Book(Base):
    __tablename__ = "sqlalchemy_books"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    title = sqlalchemy.Column(sqlalchemy.Text, nullable=False)


# psycopg2 begins a transaction before the first statement unless it is told not to: statement mode needs that.
options = {"isolation_level": "AUTOCOMMIT"} if MODE == "statement" else {}
engine = sqlalchemy.create_engine(URI, pool_size=2, max_overflow=0, **options)
with engine.connect() as connection:
    assert connection.execute(sqlalchemy.text("SELECT 20 + :n"), {"n": 22}).scalar() == 42
Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
with orm.Session(engine) as session:
    session.add_all([Book(title=f"Volume {i}") for i in range(200)])
    session.commit()
    assert session.query(Book).filter(Book.title.like("Volume 1%")).count() == 111
    try:
        session.execute(sqlalchemy.text("INSERT INTO sqlalchemy_books (id, title) VALUES (1, 'again')"))
        raise AssertionError("no error")
    except sqlalchemy.exc.IntegrityError:
        session.rollback()
    assert session.get(Book, 1).title == "Volume 0"
if MODE != "statement":
    with engine.connect().execution_options(stream_results=True) as connection:  # A cursor of the server.
        titles = [row[0] for row in connection.execute(sqlalchemy.text("SELECT title FROM sqlalchemy_books ORDER BY id"))]
        assert titles == [f"Volume {i}" for i in range(200)]
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL statement_timeout = 777"))
        assert connection.execute(sqlalchemy.text("SHOW statement_timeout")).scalar() == "777ms"
else:
    try:
        with sqlalchemy.create_engine(URI).connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
        raise AssertionError("no error")
    except sqlalchemy.exc.OperationalError as problem:  # psycopg2 does not hand on the text of a FATAL error.
        assert "server closed the connection" in str(problem), problem
engine.dispose()
print("ok")
