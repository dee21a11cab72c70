// JDBC through a pooler: java Jdbc URI MODE. The last line is "ok".
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Jdbc {
  static String uri;

  static Connection connect(String... more) throws SQLException {
    Properties properties = new Properties();
    for (int i = 0; i < more.length; i += 2) properties.setProperty(more[i], more[i + 1]);
    return DriverManager.getConnection(uri, properties);
  }

  static void check(boolean is, String what) {
    if (!is) throw new AssertionError(what);
  }

  static int number(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      check(rows.next(), sql);
      return rows.getInt(1);
    }
  }

  // After prepareThreshold executions the driver names its statement.
  static void prepared(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int + 1, ?::text")) {
      for (int i = 0; i < 30; ++i) {
        statement.setInt(1, i);
        statement.setString(2, "w" + i);
        try (ResultSet rows = statement.executeQuery()) {
          check(rows.next() && rows.getInt(1) == i + 1 && rows.getString(2).equals("w" + i), "prepared " + i);
        }
      }
    }
  }

  static void batches(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("DROP TABLE IF EXISTS jdbc_rows");
      statement.execute("CREATE TABLE jdbc_rows (id int PRIMARY KEY, word text)");
    }
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc_rows VALUES (?, ?)")) {
      for (int i = 0; i < 1000; ++i) {
        insert.setInt(1, i);
        insert.setString(2, "word " + i);
        insert.addBatch();
      }
      check(insert.executeBatch().length == 1000, "batch");
      insert.setInt(1, 7);
      insert.setString(2, "again");
      insert.addBatch();
      insert.executeBatch();
      check(false, "no error");
    } catch (BatchUpdateException expected) {
      check(expected.getSQLState().equals("23505"), expected.getSQLState());
    }
    check(number(connection, "SELECT count(*) FROM jdbc_rows") == 1000, "rows");
  }

  static void copies(Connection connection) throws Exception {
    var copy = connection.unwrap(PGConnection.class).getCopyAPI();
    check(copy.copyIn("COPY jdbc_rows FROM STDIN", new StringReader("-1\ta\n-2\tb\n")) == 2, "copy in");
    StringWriter out = new StringWriter();
    copy.copyOut("COPY (SELECT id FROM jdbc_rows WHERE id < 0 ORDER BY id) TO STDOUT", out);
    check(out.toString().equals("-2\n-1\n"), out.toString());
  }

  // Rows in portions: a portal that is read with several Execute messages.
  static void portions(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(50);
      int count = 0;
      try (ResultSet rows = statement.executeQuery("SELECT id FROM jdbc_rows WHERE id >= 0 ORDER BY id")) {
        while (rows.next()) check(rows.getInt(1) == count++, "portion");
      }
      check(count == 1000, "portions: " + count);
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  // Statement mode: a transaction block ends the connection.
  static void refused(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.executeQuery("SELECT 1");
      check(false, "no error");
    } catch (SQLException expected) {
      check(expected.getMessage().contains("transaction blocks not allowed in statement pooling mode"), expected.getMessage());
    }
    check(connection.isClosed(), "it is closed");
  }

  static void listens(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("LISTEN news");
      statement.execute("NOTIFY news, 'today'");
    }
    PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(20_000);
    check(heard != null && heard.length == 1 && heard[0].getParameter().equals("today"), "notification");
  }

  public static void main(String[] words) throws Exception {
    uri = words[0].startsWith("jdbc:")
        ? words[0]
        : "jdbc:" + words[0].replaceFirst("postgres@", "").replaceFirst("\\?.*", "") + "?user=postgres&sslmode=disable&gssEncMode=disable";
    boolean isStatement = words[1].equals("statement");
    // The driver sets extra_float_digits and others at its start: see ignore_startup_parameters.
    try (Connection connection = connect()) {
      check(number(connection, "SELECT 40 + 2") == 42, "simple");
      prepared(connection);
      batches(connection);
      copies(connection);
      if (!isStatement) portions(connection);
      else refused(connection);
      if (words[1].equals("session") || words.length > 2) listens(connection);
    }
    try (Connection connection = connect("preferQueryMode", "simple")) {
      check(number(connection, "SELECT 40 + 2") == 42, "simple mode");
    }
    Connection[] many = new Connection[8];
    for (int i = 0; i < many.length; ++i) {
      many[i] = connect("prepareThreshold", "1");
      if (!words[1].equals("session")) prepared(many[i]);
    }
    for (Connection each : many) {
      prepared(each);
      each.close();
    }
    System.out.println("ok");
  }
}
