#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "catalog/code/ignore_rules.h"
#include "catalog/code/migrations.h"
#include "catalog/code/queries.h"
#include "catalog/code/secrets.h"
#include "catalog/host.h"

namespace pgkeep::catalog {
namespace {

namespace fs = std::filesystem;

// ---- Secrets ----

struct SecretCase {
  const char* path;
  const char* text;
  const char* want; ///< "line kind" joined by "; "; empty = nothing found.
};

// Keys are put together here, so that the scanners of code hosts do not take this file for a leak.
const std::string kCloudKey = std::string("AKIA") + "ABCDEFGH12345678";
const std::string kPemHeader = std::string("-----BEGIN RSA PRIVATE") + " KEY-----";

TEST(CodeSecrets, FoundAndNotFound) {
  const SecretCase cases[] = {
      // URLs.
      {"app.py", "DSN = 'postgres://app:s3cr3tpw@db.internal:5432/shop'\n", "1 password in a URL"},
      {"app.js", "\n\nconst url = `postgresql://app:p%40ss@localhost/x?sslmode=require`",
       "3 password in a URL"},
      {"config.toml", "url = \"redis://:hunter2x@cache:6379/0\"\n", ""},
      {"config.toml", "url = \"amqp://guest:guest@mq:5672\"\n", "1 password in a URL"},
      {".env", "DATABASE_URL=postgres://app:${DB_PASSWORD}@db/shop\n", ""},
      {".env", "DATABASE_URL=postgres://app:$DB_PASSWORD@db/shop\n", ""},
      {"a.py", "f'postgres://{user}:{password}@{host}/x'", ""},
      {"a.py", "'postgres://%s:%s@%s/x' % t", ""},
      {"a.md", "Connect to `postgres://user:password@host:5432/db`.\n", ""},
      {"a.md", "postgres://user:<password>@host/db", ""},
      {"a.md", "postgres://prod:8sdf7KJH3sd@db.example.com/db", "1 password in a URL"},
      {"a.txt", "http://localhost:8080/path@2x.png and https://example.com/@scope/pkg", ""},
      {"a.go", "const u = \"postgres://app@db/shop\"", ""},
      {"a.yml", "url: postgres://app:***@db/shop", ""},
      {"a.yml", "url: postgres://postgres:changeme@db/shop", "1 password in a URL"},
      {"a.cc", "/// scheme://user:password@host\n", ""},
      {"a.cc", "// postgres://app:9fKx82nvpQ2@host/x\n", "1 password in a URL"},
      {"a.cc", "x = \"postgres://user:password@host/x\"\n", "1 password in a URL"},
      // SQL.
      {"roles.sql", "CREATE ROLE app LOGIN PASSWORD 'redacted';\n", "1 PASSWORD literal in SQL"},
      {"roles.sql", "ALTER USER app\n  WITH ENCRYPTED password E'abc';\n",
       "2 PASSWORD literal in SQL"},
      {"roles.sql",
       "ALTER ROLE app PASSWORD NULL; ALTER ROLE b PASSWORD :'pw'; ALTER ROLE c PASSWORD '${PW}';",
       ""},
      {"fdw.sql", "OPTIONS (user 'app', password 'abc')", "1 PASSWORD literal in SQL"},
      {"users.sql", "CREATE TABLE users (password text NOT NULL, password_hash text DEFAULT '');",
       ""},
      {"a.js", "t('password', 'Password'); el('password \\'x\\'')", ""},
      {"setup.py", "cur.execute(\"CREATE ROLE app PASSWORD 'abc'\")", "1 PASSWORD literal in SQL"},
      {"setup.py", "cur.execute(f\"ALTER ROLE app PASSWORD '{pw}'\")", ""},
      // Connection strings.
      {"a.sql", "SELECT dblink('host=h user=u password=hunter2 dbname=d', 'SELECT 1')",
       "1 password in a connection string"},
      {"a.c", "\"host=%s password=%s dbname=x\"", ""},
      // Containers and environment files.
      {"Dockerfile", "FROM x\nENV POSTGRES_PASSWORD=abc\n", "2 password in a Dockerfile"},
      {"Dockerfile", "ENV PGPASSWORD abc\n", "1 password in a Dockerfile"},
      {"Dockerfile",
       "ARG DB_PASSWORD\nENV DB_PASSWORD=${DB_PASSWORD}\nENV "
       "POSTGRES_PASSWORD_FILE=/run/secrets/pw\n",
       ""},
      {"docker-compose.yml", "    environment:\n      POSTGRES_PASSWORD: changeme\n",
       "2 password in a Compose file"},
      {"compose.yaml", "      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-changeme}\n",
       "1 password in a Compose file"},
      {"compose.yaml", "      - POSTGRES_PASSWORD=postgres\n", "1 password in a Compose file"},
      {"compose.yaml",
       "      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it}\n      POSTGRES_PASSWORD_FILE: "
       "/run/secrets/x\n",
       ""},
      {".env", "PGPASSWORD=abc\nDB_PASSWORD=\"a b c\"\nDB_USER=app\nAPI_KEY=\n",
       "1 password in an environment file; 2 password in an environment file"},
      {".env.production", "SECRET_KEY_BASE=0123456789abcdef\n",
       "1 password in an environment file"},
      {".env.example", "DB_PASSWORD=changeme\nAPI_KEY=your-api-key\nPGPASSWORD=<password>\n", ""},
      {".env.example", "DB_PASSWORD=Kx82nv!pQ2\n", "1 password in an environment file"},
      {"deploy.sh", "PGPASSWORD=abc psql -h db\nexport PGPASSWORD=$(cat pw)\nread -s PGPASSWORD\n",
       "1 password in a script"},
      {"k8s.yaml", "        - name: POSTGRES_PASSWORD\n          value: \"abc\"\n",
       "2 password in a configuration file"},
      {"k8s.yaml",
       "        - name: POSTGRES_PASSWORD\n          valueFrom:\n            secretKeyRef:\n", ""},
      {"secret.yaml", "kind: Secret\nstringData:\n  password: hunter2\n",
       "3 password in a configuration file"},
      {"locale.yml", "  password: Passwort\n  reset_password: \"Enter your password\"\n", ""},
      {"database.ini", "[db]\npassword = abc\n", "2 password in a configuration file"},
      {"database.ini", "password = %(DB_PASS)s\n", ""},
      // Code.
      {"settings.py", "'PASSWORD': 'abc', 'HOST': 'db', 'USER': 'u', 'NAME': 'database'\n",
       "1 password in code"},
      {"a.ts",
       "const client = new Client({ host: 'db', user: 'app', password: 'hunter', database: 'shop' "
       "})",
       "1 password in code"},
      {"a.ts",
       "const client = new Client({ host, user, password: process.env.PGPASSWORD, database })", ""},
      {"a.ts",
       "<input type=\"password\" name=\"password\" placeholder='password' />; const field = { "
       "password: 'Password' }",
       ""},
      {"a.py", "api_key = \"9f86d081884c7d659a2f\"\n", "1 password in code"},
      {"a.py", "password = os.environ['DB_PASSWORD']\nif password == 'abc12345': pass\n", ""},
      {"a.py", "os.environ[\"PGPASSWORD\"] = \"abc\"\n", "1 password in code"},
      // Files made of secrets.
      {".pgpass", "# comment\ndb:5432:shop:app:hunter2\n", "2 password in .pgpass"},
      {"etc/userlist.txt", "\"app\" \"md5abcdef\"\n\"empty\" \"\"\n", "1 password in userlist.txt"},
  };
  for (const SecretCase& each : cases) {
    std::string found;
    for (const SecretInCode& secret : code::find_secrets({.path = each.path, .text = each.text})) {
      EXPECT_EQ(secret.path, each.path);
      found += fmt::format("{}{} {}", found.empty() ? "" : "; ", secret.line, secret.kind);
    }
    EXPECT_EQ(found, each.want) << each.path << ": " << each.text;
  }
}

std::size_t count_secrets(const char* path, const std::string& text) {
  return code::find_secrets({.path = path, .text = text}).size();
}

TEST(CodeSecrets, KeysByTheirShape) {
  const std::string body = "MIIEowIBAAKCAQEAxyz0123456789abcdefghijklmnop\n";
  EXPECT_EQ(count_secrets("a.py", "key = '" + kCloudKey + "'"), 1U);
  EXPECT_EQ(count_secrets("a.py", "key = 'X" + kCloudKey + "'"), 0U);
  EXPECT_EQ(count_secrets("a.py", "key = '" + kCloudKey + "9'"), 0U);
  EXPECT_EQ(count_secrets("a.py", std::string("key = 'AKIA") + "IOSFODNN7EXAMPLE'"), 0U);
  EXPECT_EQ(count_secrets("key.pem", kPemHeader + "\n" + body), 1U);
  EXPECT_EQ(count_secrets("a.js", "const k = \"" + kPemHeader + "\\n\" +\n  \"" + body + "\""), 1U);
  EXPECT_EQ(count_secrets("a.js", "if (text.startsWith('" + kPemHeader + "')) return true"), 0U);
  EXPECT_EQ(count_secrets("a.pem", "-----BEGIN CERTIFICATE-----\n" + body), 0U);
}

// ---- Queries ----

struct QueryCase {
  const char* path;
  const char* text;
  std::vector<std::int32_t> want;
};

TEST(CodeQueries, FoundAndNotFound) {
  const QueryCase cases[] = {
      // Python.
      {"a.py", "x = 1\ncur.execute(f\"SELECT * FROM users WHERE id = {user_id}\")", {2}},
      {"a.py", "cur.execute(\"SELECT * FROM users WHERE name = '%s'\" % name)", {1}},
      {"a.py", "cur.execute(\"SELECT * FROM users WHERE id = \" + str(user_id))", {1}},
      {"a.py", "cur.execute(\"SELECT * FROM users WHERE id = {}\".format(user_id))", {1}},
      {"a.py",
       "q = (\"SELECT id \"\n     \"FROM users \"\n     f\"WHERE name LIKE '%{term}%'\")",
       {1}},
      {"a.py", "q = f\"\"\"\n  INSERT INTO t (a, b)\n  VALUES ({a}, {b})\n\"\"\"", {1}},
      {"a.py", "cur.execute(\"SELECT * FROM users WHERE id = %s\", (user_id,))", {}},
      {"a.py", "cur.execute(f\"SELECT * FROM {table} WHERE id = %s\", (i,))", {}},
      {"a.py", "cur.execute(f\"SELECT {columns} FROM t ORDER BY {order}\")", {}},
      {"a.py", "cur.execute(f\"SELECT * FROM t WHERE id IN ({placeholders})\", ids)", {}},
      {"a.py",
       "cur.execute(\"SELECT * FROM t WHERE id IN (%s)\" % ','.join(['%s'] * len(ids)), ids)",
       {}},
      {"a.py", "cur.execute(f\"SELECT * FROM t WHERE id = {int(x)}\")", {}},
      {"a.py", "print(f\"Select a file from {folder} = {x}\")  # it's fine", {1}},
      {"a.py", "# cur.execute(f\"SELECT * FROM users WHERE id = {user_id}\")", {}},
      {"a.py", "log.info(f\"updated {n} rows, id = {x}\")", {}},
      {"a.py", "cur.execute(f\"UPDATE t SET a = {{}} WHERE b = 1\")", {}},
      // JavaScript and TypeScript.
      {"a.js", "db.query(`SELECT * FROM users WHERE id = ${id}`)", {1}},
      {"a.ts", "await db.query('SELECT * FROM users WHERE email = \\'' + email + '\\'')", {1}},
      {"a.ts", "await db.query(\"DELETE FROM users\" +\n  \" WHERE id = \" + req.params.id)", {1}},
      {"a.ts", "await sql`SELECT * FROM users WHERE id = ${id}`", {}},
      {"a.ts", "await prisma.$queryRaw<User[]>`SELECT * FROM users WHERE id = ${id}`", {}},
      {"a.js", "db.query('SELECT * FROM users WHERE id = $1', [id])", {}},
      {"a.js", "db.query(`SELECT * FROM ${schema}.users WHERE id = $1`, [id])", {}},
      {"a.js", "db.query('SELECT * FROM users WHERE id = ' + client.escapeLiteral(id))", {}},
      {"a.js", "db.query('SELECT * FROM ' + TABLE + ' WHERE a = ' + DEFAULT_ID)", {}},
      {"a.js", "const re = /['\"]/; db.query(`SELECT 1 FROM t LIMIT ${n}`)", {1}},
      {"a.js", "// don't\ndb.query(`UPDATE t SET a = ${a}`)", {2}},
      // Others.
      {"a.rb", "User.where(\"name = '#{params[:name]}'\")", {1}},
      {"a.rb", "User.where(\"name = ?\", name)\nUser.where('name = #{x}')", {}},
      {"a.php", "$db->query(\"SELECT * FROM users WHERE id = $id\");", {1}},
      {"a.php", "$db->query('SELECT * FROM users WHERE id = ' . $_GET['id']);", {1}},
      {"a.php",
       "$db->query(\"SELECT * FROM users WHERE id = $1\"); $s->prepare('SELECT a FROM b WHERE c = "
       "?');",
       {}},
      {"A.java", "st.executeQuery(\"SELECT * FROM users WHERE name = '\" + name + \"'\");", {1}},
      {"A.java", "String q = String.format(\"SELECT * FROM t WHERE id = %d\", id);", {1}},
      {"A.java", "ps = c.prepareStatement(\"SELECT * FROM t \" + \"WHERE id = ?\");", {}},
      {"a.go", "db.Query(fmt.Sprintf(\"SELECT * FROM users WHERE id = %d\", id))", {1}},
      {"a.go", "db.Query(`SELECT * FROM users WHERE id = ` + id)", {1}},
      {"a.go",
       "db.Query(\"SELECT * FROM users WHERE id = $1\", id)\nfmt.Sprintf(\"SELECT * FROM %s\", "
       "table)",
       {}},
      {"A.cs", "cmd.CommandText = $\"SELECT * FROM Users WHERE Id = {id}\";", {1}},
      {"A.cs", "cmd.CommandText = \"SELECT * FROM Users WHERE Id = @id\";", {}},
      {"a.txt", "SELECT * FROM users WHERE id = ' + x", {}},
  };
  for (const QueryCase& each : cases) {
    std::vector<std::int32_t> found;
    for (const UnparameterisedQuery& query :
         code::find_unparameterised({.path = each.path, .text = each.text}))
      found.push_back(query.line);
    EXPECT_EQ(found, each.want) << each.path << ": " << each.text;
  }
}

// ---- Migrations ----

TEST(CodeMigrations, RecognisedByTheirConventions) {
  const std::map<std::string, std::string> files{
      {"migrations/V001__init.sql", "CREATE TABLE t ();"},
      {"migrations/V001__init.down.sql", "DROP TABLE t;"},
      {"migrations/V002__more.sql", ""},
      {"migrations/V3__undo.sql", ""},
      {"migrations/U3__undo.sql", ""},
      {"migrations/V4_1__x.sql", ""},
      {"migrations/R__view.sql", ""},
      {"db/migrations/20240101_a.sql",
       "-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\nDROP TABLE a;\n"},
      {"db/migrations/20240102_b.sql",
       "-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\n-- nothing\n\n"},
      {"goose/1.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n"},
      {"goose/2.sql", "-- +goose Up\nSELECT 1;\n"},
      {"liquibase/c.sql", "--liquibase formatted sql\n--changeset a:1\nCREATE TABLE a "
                          "();\n--rollback DROP TABLE a;\n"},
      {"golang/000001_x.up.sql", ""},
      {"golang/000001_x.down.sql", ""},
      {"golang/000002_y.up.sql", ""},
      {"prisma/migrations/2024_a/migration.sql", ""},
      {"prisma/migrations/2024_b/migration.sql", ""},
      {"prisma/migrations/2024_b/down.sql", ""},
      {"sql/migrations/007_plain.sql", ""},
      {"queries/report.sql", "SELECT 1"},
      {"db/migrate/20240101000000_a.rb", "class A < ActiveRecord::Migration[7.0]\n  def change\n   "
                                         " add_column :a, :b, :text\n  end\nend\n"},
      {"db/migrate/20240102000000_b.rb", "def up\n  execute 'x'\nend\n"},
      {"db/migrate/20240103000000_c.rb",
       "def up\nend\ndef down\n  raise ActiveRecord::IrreversibleMigration\nend\n"},
      {"db/migrate/20240104000000_d.rb", "def change\n  execute <<~SQL\n  SQL\nend\n"},
      {"app/migrations/0001_initial.py", "class Migration(migrations.Migration):\n    operations = "
                                         "[migrations.CreateModel(name='x')]\n"},
      {"app/migrations/0002_sql.py", "class Migration(migrations.Migration):\n    operations = "
                                     "[migrations.RunSQL('SELECT 1, 2')]\n"},
      {"app/migrations/0003_sql.py",
       "class Migration(migrations.Migration):\n    operations = [migrations.RunSQL(\n 'SELECT "
       "1',\n reverse_sql='SELECT 2')]\n"},
      {"app/migrations/0004_py.py", "class Migration(migrations.Migration):\n    operations = "
                                    "[migrations.RunPython(f, migrations.RunPython.noop)]\n"},
      {"app/migrations/__init__.py", ""},
      {"alembic/versions/a.py",
       "def upgrade():\n    op.add_column('a')\n\n\ndef downgrade():\n    op.drop_column('a')\n"},
      {"alembic/versions/b.py",
       "def upgrade():\n    x()\n\ndef downgrade() -> None:\n    \"\"\"Nothing.\"\"\"\n    pass\n"},
      {"knex/migrations/1_a.js",
       "exports.up = (knex) => knex.schema.createTable('a');\nexports.down = (knex) => "
       "knex.schema.dropTable('a');\n"},
      {"knex/migrations/2_b.js",
       "exports.up = function (knex) { x(); };\nexports.down = function (knex) {\n};\n"},
      {"knex/migrations/3_c.js", "exports.up = (pgm) => {};\nexports.down = false;\n"},
      {"typeorm/migration/1-A.ts",
       "public async up(q: QueryRunner): Promise<void> { await q.query(`x`); }\npublic async "
       "down(q: QueryRunner): Promise<void> { await q.query(`y`); }\n"},
      {"src/up.js", "exports.up = 1"},
  };
  const std::map<std::string, bool> want{
      {"migrations/V001__init.sql", true},
      {"migrations/V002__more.sql", false},
      {"migrations/V3__undo.sql", true},
      {"migrations/V4_1__x.sql", false},
      {"db/migrations/20240101_a.sql", true},
      {"db/migrations/20240102_b.sql", false},
      {"goose/1.sql", true},
      {"goose/2.sql", false},
      {"liquibase/c.sql", true},
      {"golang/000001_x.up.sql", true},
      {"golang/000002_y.up.sql", false},
      {"prisma/migrations/2024_a/migration.sql", false},
      {"prisma/migrations/2024_b/migration.sql", true},
      {"sql/migrations/007_plain.sql", false},
      {"db/migrate/20240101000000_a.rb", true},
      {"db/migrate/20240102000000_b.rb", false},
      {"db/migrate/20240103000000_c.rb", false},
      {"db/migrate/20240104000000_d.rb", false},
      {"app/migrations/0001_initial.py", true},
      {"app/migrations/0002_sql.py", false},
      {"app/migrations/0003_sql.py", true},
      {"app/migrations/0004_py.py", true},
      {"alembic/versions/a.py", true},
      {"alembic/versions/b.py", false},
      {"knex/migrations/1_a.js", true},
      {"knex/migrations/2_b.js", false},
      {"knex/migrations/3_c.js", false},
      {"typeorm/migration/1-A.ts", true},
  };
  code::Paths paths;
  for (const auto& [path, text] : files)
    paths.insert(path);
  std::map<std::string, bool> found;
  for (const auto& [path, text] : files) {
    if (const auto migration = code::recognise_migration({.path = path, .text = text}, paths))
      found[migration->path] = migration->has_down;
  }
  for (const auto& [path, has_down] : want) {
    ASSERT_TRUE(found.contains(path)) << path;
    EXPECT_EQ(found[path], has_down) << path;
  }
  for (const auto& [path, has_down] : found)
    EXPECT_TRUE(want.contains(path)) << path << " is none";
}

// ---- The walk ----

TEST(CodeIgnoreRules, AsGitHasThem) {
  code::IgnoreRules rules;
  rules.add(
      "",
      ".env\n*.log\n/only-top\nlogs/\n!keep.log\n**/deep.txt\na/**/z.txt\n# comment\n\ntmp/**\n");
  rules.add("sub/", "local.txt\n");
  EXPECT_TRUE(rules.is_ignored(".env", false));
  EXPECT_TRUE(rules.is_ignored("x/.env", false));
  EXPECT_FALSE(rules.is_ignored(".env.example", false));
  EXPECT_TRUE(rules.is_ignored("x/y.log", false));
  EXPECT_FALSE(rules.is_ignored("x/keep.log", false));
  EXPECT_TRUE(rules.is_ignored("only-top", false));
  EXPECT_FALSE(rules.is_ignored("x/only-top", false));
  EXPECT_TRUE(rules.is_ignored("x/logs", true));
  EXPECT_FALSE(rules.is_ignored("x/logs", false));
  EXPECT_TRUE(rules.is_ignored("x/deep.txt", false));
  EXPECT_TRUE(rules.is_ignored("a/b/z.txt", false));
  EXPECT_TRUE(rules.is_ignored("tmp", true));
  EXPECT_TRUE(rules.is_ignored("sub/x/local.txt", false));
  EXPECT_FALSE(rules.is_ignored("local.txt", false));
}

class Folder {
public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "pgkeep_code_XXXXXX").string();
    root_ = ::mkdtemp(name.data()) == nullptr ? fs::path{} : fs::path(name);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!root_.empty()) fs::remove_all(root_, ignored);
  }
  void put(const std::string& path, std::string_view text) const {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(base::write_file_durably(root_ / path, text).has_value());
  }
  [[nodiscard]] const fs::path& root() const { return root_; }

private:
  fs::path root_;
};

TEST(CodeRepository, WalksWhatIsOurs) {
  const std::string leak = "url = 'postgres://app:s3cr3tpw@db/shop'\n";
  const Folder folder;
  folder.put(".gitignore", ".env\nlocal/\n");
  folder.put(".env", "PGPASSWORD=abc\n");
  folder.put("local/a.py", leak);
  folder.put("src/a.py", leak);
  folder.put("src/deep/er/b.js", "db.query(`SELECT a FROM b WHERE c = ${d}`)");
  folder.put("node_modules/x/a.py", leak);
  folder.put("build/a.py", leak);
  folder.put("src/image.py", std::string("\0PNG", 4) + leak);
  folder.put("src/large.py", leak + std::string(1'100'000, 'x'));
  folder.put("migrations/V1__a.sql", "SELECT 1;");
  folder.put("migrations/V1__a.down.sql", "SELECT 1;");
  fs::create_directory_symlink(folder.root(), folder.root() / "loop");
  auto read = read_code_repository(folder.root().string());
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->secrets.size(), 1U);
  EXPECT_EQ(read->secrets[0].path, "src/a.py");
  EXPECT_EQ(read->secrets[0].line, 1);
  EXPECT_EQ(read->secrets[0].kind, "password in a URL");
  ASSERT_EQ(read->unparameterised.size(), 1U);
  EXPECT_EQ(read->unparameterised[0].path, "src/deep/er/b.js");
  ASSERT_EQ(read->migrations.size(), 1U);
  EXPECT_TRUE(read->migrations[0].has_down);
  EXPECT_EQ(read->files_read, 5) << ".gitignore, a.py, b.js and two migrations";
  ASSERT_EQ(read->notes.size(), 1U);
  EXPECT_EQ(read->notes[0], "1 files larger than 1 MB were not read");
  EXPECT_FALSE(read->is_version_controlled);
  fs::create_directories(folder.root() / ".git");
  EXPECT_TRUE(read_code_repository((folder.root() / "src").string())->is_version_controlled);
}

TEST(CodeRepository, CapsAreReported) {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 1500; ++i)
    text += "PGPASSWORD=abc\n";
  folder.put("app.env", text);
  auto read = read_code_repository(folder.root().string());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->secrets.size(), 1000U);
  ASSERT_EQ(read->notes.size(), 1U);
  EXPECT_EQ(read->notes[0], "1,000 of 1,500 places with a secret are listed");
}

TEST(CodeRepository, NoFolderIsAnError) {
  const Folder folder;
  folder.put("file", "");
  for (const char* name : {"none", "file"}) {
    const auto read = read_code_repository((folder.root() / name).string());
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, base::Code::io);
    EXPECT_EQ(read.error().where, (folder.root() / name).string());
  }
}

} // namespace
} // namespace pgkeep::catalog
