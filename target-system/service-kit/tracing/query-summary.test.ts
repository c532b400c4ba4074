import { expect, it } from "vitest";
import { querySummary } from "./query-summary.ts";

it.each([
  ["select * from orders where id = $1", "SELECT orders"],
  ["insert into orders (id) values ($1) returning id", "INSERT orders"],
  ["update products set available = available - $1 where id = $2", "UPDATE products"],
  ["delete from sessions where id = $1", "DELETE sessions"],
  ["begin", "BEGIN"],
  ["commit;", "COMMIT"],
  ["select pg_advisory_xact_lock($1)", "SELECT"],
  ["select extract(epoch from now() - created_at) from messages", "SELECT messages"],
  [
    "select id from messages m join inbox using (event_id) where due for update skip locked",
    "SELECT messages, SELECT inbox",
  ],
  ["insert into stock (id) values ($1) on conflict (id) do update set left_over = 1", "INSERT stock"],
  [
    `with due as (select stream from outbox_progress where due_at <= now() for update skip locked), claimed as (
       update outbox_progress p set attempts = 1 from due where p.stream = due.stream returning p.stream)
     select e.id from claimed c left join outbox_events e using (stream)`,
    "SELECT outbox_progress, UPDATE outbox_progress, SELECT outbox_events",
  ],
  ["select 'delete from users' as joke -- from nowhere\n from jokes", "SELECT jokes"],
  ["select stream, subscriber from known, unnest($1::text[]) subscriber", "SELECT known"],
  ["select extract(epoch from blocked_until - now()) from guesses", "SELECT guesses"],
  [
    "update popularity set category = known.category from unnest($1::text[]) as known (category) where popularity.category is distinct from known.category",
    "UPDATE popularity",
  ],
  ["", "QUERY"],
])("%s: %s", (statement, summary) => {
  expect(querySummary(statement)).toBe(summary);
});
