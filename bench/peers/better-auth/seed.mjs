// `node seed.mjs USERS KEYS`: creates the tables, users and keys, and prints the keys, one per line.
import { getMigrations } from "better-auth/db/migration";
import { auth, pool } from "./auth.mjs";

const [users, keys] = process.argv.slice(2).map(Number);
await (await getMigrations(auth.options)).runMigrations();
const context = await auth.$context;
const ids = [];
for (let number = 0; number < users; number += 1) {
  const user = await context.internalAdapter.createUser({
    email: `user${number}@example.com`,
    name: `User ${number}`,
    emailVerified: true,
  });
  ids.push(user.id);
}
for (let number = 0; number < keys; number += 1) {
  const made = await auth.api.createApiKey({
    body: { userId: ids[number % users], name: `key ${number}` },
  });
  console.log(made.key);
}
// Using a key without a limit writes nothing. (With the limit turned off in the configuration, each
// request would still UPDATE the time of the last use.)
await pool.query('UPDATE apikey SET "rateLimitMax" = NULL, "rateLimitTimeWindow" = NULL');
await pool.query("ANALYZE");
await pool.end();
