/** What bench/observe/tracing-cost.ts measures: a service of the shop's kit that asks its database and another service. */
import { openRoutes } from "../../target-system/service-kit/identity/callers.ts";
import { startService } from "../../target-system/service-kit/service.ts";

await startService({
  name: "traced",
  migrations: [{ id: "001-things", sql: "create table things (id text primary key, name text not null)" }],
  seed: async (query) => {
    await query("insert into things values ('t-1', 'first') on conflict do nothing");
  },
  callees: [],
  outside: ["upstream"],
  routes(app, { database, callee }) {
    openRoutes(app);
    app.get<{ Params: { id: string } }>("/things/:id", async ({ params: { id } }) => {
      const [thing] = await database.query("select id, name from things where id = $1", [id]);
      const { body } = await callee("upstream").call({ method: "GET", path: "/prices/:id", params: { id } });
      return { thing, price: body };
    });
  },
});
