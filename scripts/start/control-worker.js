/**
 * Does for `npm start` what Cloudflare does for a deployment: applies migrations and calls the cron. It listens on a
 * socket that its owner alone can reach.
 */
const TASKS = {
  /** The names of the migrations that were applied, from wrangler's own table, and the schema's version. */
  async applied({ DB }) {
    await DB.exec(
      "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    );
    const { results } = await DB.prepare("SELECT name FROM d1_migrations").all();
    const version = await DB.prepare(
      "SELECT sql FROM sqlite_master WHERE name = 'schema_version'",
    ).first("sql");
    return { names: results.map(({ name }) => name), version };
  },
  /** Applies a migration and records it, in one transaction. */
  async migrate({ DB }, { name, statements }) {
    await DB.batch([
      ...statements.map((sql) => DB.prepare(sql)),
      DB.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
    ]);
    return null;
  },
  async scheduled({ REGISTRY }, { cron }) {
    const { outcome } = await REGISTRY.scheduled({ cron, scheduledTime: new Date() });
    return outcome;
  },
};

export default {
  async fetch(request, env) {
    const { task, ...input } = await request.json();
    try {
      return Response.json(await TASKS[task](env, input));
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
