// An app's use of @replit/database 3 and 2, against the drop-in. Run by tests/shims.rs, which gives an empty Postgres database.
const assert = require("node:assert/strict");
const Database = require("@replit/database");

(async () => {
  const db = new Database();
  const missing = { ok: false, error: { message: "", statusCode: 404 } };
  assert.deepEqual(await db.get("nothing"), missing, "and the table is made");
  const set = await db.set("user:1", { name: "Ann", tags: ["a", "ü"], n: 1.5, none: null });
  assert.equal(set.ok, true);
  assert.equal(set.value, db);
  assert.deepEqual(await db.get("user:1"), { ok: true, value: { name: "Ann", tags: ["a", "ü"], n: 1.5, none: null } });
  await db.set("user:1", "again");
  assert.deepEqual(await db.get("user:1", { raw: true }), { ok: true, value: '"again"' });
  for (const value of [null, false, 0, "", [], {}, "it's \"quoted\" \\ ", "\\u0000 as text"]) {
    await db.set("any", value);
    assert.deepEqual(await db.get("any"), { ok: true, value });
  }
  assert.match((await db.set("zero", "a\u0000b")).error.message, /value of zero holds the character U\+0000/);
  assert.match((await db.set("fn", () => 1)).error.message, /value of fn is nothing that JSON can hold/);

  assert.equal((await db.setMultiple({ "user:2": 2, "user:10": [10], "a_b": 1, "a%b": 2, __proto__x: 3 })).ok, true);
  assert.deepEqual((await db.list("user:")).value, ["user:1", "user:10", "user:2"]);
  assert.deepEqual((await db.list("a_")).value, ["a_b"], "a prefix is no pattern");
  assert.deepEqual((await db.getAll()).value["user:10"], [10]);
  assert.deepEqual((await db.getAll({ raw: true })).value["user:10"], "[10]");
  assert.equal((await db.delete("user:10")).ok, true);
  assert.deepEqual(await db.delete("user:10"), missing);
  assert.equal((await db.deleteMultiple("a_b", "a%b")).ok, true);
  const half = await db.deleteMultiple("user:2", "a_b");
  assert.deepEqual([half.ok, half.error.message, half.errorExtras.length], [false, "Failed to delete keys", 1]);
  // Twenty at once on one key: the last one stands, none fails.
  const all = await Promise.all(Array.from({ length: 20 }, (_, n) => db.set("same", n)));
  assert.ok(all.every((result) => result.ok));
  assert.equal((await db.empty()).ok, true);
  assert.deepEqual((await db.list()).value, []);

  process.env.REPLIT_DATABASE_API = "2";
  const old = new Database("https://kv.replit.com/v0/some-old-token");
  assert.equal(await old.set("k", { a: 1 }), old);
  assert.deepEqual(await old.get("k"), { a: 1 });
  assert.equal(await old.get("nothing"), null);
  assert.deepEqual(await old.list(), ["k"]);
  assert.equal(await old.delete("k"), old);

  delete process.env.REPLIT_DATABASE_API;
  const secret = "hunter2planted";
  const away = await new Database(`postgres://bob:${secret}@127.0.0.1:1/none`).get("k");
  assert.equal(away.ok, false);
  assert.ok(!JSON.stringify(away).includes(secret), "an error says no password");
  console.log("all of database holds");
})().catch((error) => { console.error(error); process.exit(1); });
