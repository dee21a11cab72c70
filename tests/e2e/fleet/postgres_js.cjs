// postgres.js through a pooler: node postgres_js.cjs URI MODE; NODE_PATH names where its packages are. It names every statement, sends what belongs
// to one in one write (LISTEN, too) and sends the next before the last is answered. The last line is "ok".
const assert = require("node:assert");
const postgres = require("postgres");

const [uri, mode, more] = process.argv.slice(2);
const notices = [];
const connect = (max) => postgres(uri.split("?")[0], { max, ssl: false, onnotice: (notice) => notices.push(notice.message) });

async function main() {
  const sql = connect(4);
  await sql`DROP TABLE IF EXISTS postgres_js`;
  await sql`CREATE TABLE postgres_js (id int, word text, numbers int[])`;
  const ids = [...Array(300).keys()];
  await sql`INSERT INTO postgres_js ${sql(ids.map((id) => ({ id, word: `word ${id}`, numbers: [id, 1] })))}`;
  const found = await Promise.all(ids.map((id) => sql`SELECT word, numbers FROM postgres_js WHERE id = ${id}`));
  found.forEach((rows, id) => assert.deepStrictEqual({ ...rows[0] }, { word: `word ${id}`, numbers: [id, 1] }));
  await assert.rejects(sql`SELECT 1/0`, /division by zero/);
  await sql`DO $$ BEGIN RAISE NOTICE 'hear, hear'; END $$`;
  assert(notices.includes("hear, hear"), notices);
  let seen = 0;
  await sql`SELECT generate_series(1, 5000)`.forEach(() => ++seen);
  assert.strictEqual(seen, 5000);
  let copied = "";
  for await (const part of await sql`COPY postgres_js (id) TO STDOUT`.readable()) copied += part;
  assert.strictEqual(copied.trim().split("\n").length, 300);
  const slow = sql`SELECT pg_sleep(60)`;
  setTimeout(() => slow.cancel(), 200);
  await assert.rejects(async () => await slow, /canceling statement due to user request/);
  await sql.end();

  const others = connect(8);
  if (mode !== "statement") {
    await Promise.all([...Array(20).keys()].map((number) => others.begin(async (block) => {
      for (let turn = 0; turn < 3; ++turn) assert.strictEqual((await block`SELECT ${10 * number + turn}::int AS n`)[0].n, 10 * number + turn);
      await block.savepoint((inner) => inner`SELECT 1/0`).catch(() => {});
      assert.strictEqual((await block`SELECT 7 AS n`)[0].n, 7);
    })));
    let rows = 0;  // Parts of one portal: a transaction without a block.
    for await (const part of others`SELECT generate_series(1, 500)`.cursor(100)) rows += part.length;
    assert.strictEqual(rows, 500);
  }
  if (mode === "session" || more === "listens") {
    const heard = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("nothing heard")), 10_000).unref();
      others.listen("news", resolve).then(() => others.notify("news", "today"));
    });
    assert.strictEqual(await heard, "today");
  }
  await others.end();
}

main().then(() => {
  console.log("ok");
  process.exit(0);
}, (problem) => {
  console.error(problem);
  process.exit(1);
});
