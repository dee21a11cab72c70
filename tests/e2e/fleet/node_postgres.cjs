// node-postgres through a pooler: node node_postgres.cjs URI MODE; NODE_PATH names where its packages are. The last line is "ok".
const assert = require("node:assert");
const { Client, Pool } = require("pg");

const [uri, mode, more] = process.argv.slice(2);
const connectionString = uri.split("?")[0];

async function main() {
  const client = new Client({ connectionString });
  const notices = [];
  client.on("notice", (notice) => notices.push(notice.message));
  await client.connect();
  assert.deepStrictEqual((await client.query("SELECT 40 + 2 AS n")).rows, [{ n: 42 }]);
  assert.deepStrictEqual((await client.query("SELECT $1::text AS word, $2::int AS n", ["w", 7])).rows, [{ word: "w", n: 7 }]);
  const several = await client.query("SELECT 1 AS a; SELECT 2 AS b");
  assert.deepStrictEqual(several.map((each) => each.rows[0]), [{ a: 1 }, { b: 2 }]);
  await assert.rejects(client.query("SELECT 1/0"), /division by zero/);
  await client.query("DO $$ BEGIN RAISE NOTICE 'hear, hear'; END $$");
  assert.deepStrictEqual(notices, ["hear, hear"]);
  // Queued by the driver: sent one after the other.
  const answers = await Promise.all([...Array(50).keys()].map((i) => client.query({ name: "twice", text: "SELECT $1::int * 2 AS n", values: [i] })));
  assert.deepStrictEqual(answers.map((answer) => answer.rows[0].n), [...Array(50).keys()].map((i) => 2 * i));
  if (mode === "session" || more === "listens") {
    const heard = new Promise((resolve) => client.on("notification", resolve));
    await client.query("LISTEN news");
    await client.query("NOTIFY news, 'today'");
    assert.strictEqual((await heard).payload, "today");
  }
  if (mode === "statement") {
    client.on("error", () => {});
    await assert.rejects(client.query("BEGIN"), /transaction blocks not allowed in statement pooling mode/);
  } else {
    await client.end();
  }
  const pool = new Pool({ connectionString, max: 8 });
  await Promise.all([...Array(16).keys()].map(async (number) => {
    const each = await pool.connect();
    if (mode !== "statement") await each.query("BEGIN");
    for (let turn = 0; turn < 5; ++turn) {
      const { rows } = await each.query({ name: `s${turn}`, text: `SELECT $1::text AS word, ${turn} AS turn`, values: [`w${number}`] });
      assert.deepStrictEqual(rows, [{ word: `w${number}`, turn }]);
    }
    if (mode !== "statement") await each.query("COMMIT");
    each.release();
  }));
  await pool.end();
}

main().then(() => console.log("ok"), (problem) => {
  console.error(problem);
  process.exit(1);
});
