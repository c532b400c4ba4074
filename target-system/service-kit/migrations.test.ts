import fc from "fast-check";
import { expect, it } from "vitest";
import { ChangedHistory, checksumOf, pendingMigrations, type Migration } from "./migrations.ts";

const migration = (id: string, sql = `create table "${id}" ()`): Migration => ({ id, sql });
const ranAs = ({ id, sql }: Migration) => ({ id, checksum: checksumOf(sql) });
const [a, b, c] = [migration("a"), migration("b"), migration("c")];

it("an empty database has everything to run, one that is up to date nothing", () => {
  expect(pendingMigrations([], [a, b])).toEqual([a, b]);
  expect(pendingMigrations([a, b].map(ranAs), [a, b])).toEqual([]);
});

it("a database that a newer version has been at is left as it is", () => {
  expect(pendingMigrations([a, b, c].map(ranAs), [a, b])).toEqual([]);
});

it.each([
  ["changed", [migration("a", "create table other ()"), b], /"a" is not what it was/],
  ["removed", [b], /migration 1 is "a", this service's is "b"/],
  ["moved", [b, a], /migration 1 is "a"/],
  ["preceded by another", [a, c, b], /migration 2 is "b", this service's is "c"/],
])("a migration that was run and is %s since makes the history another one", (_what, wanted, message) => {
  expect(() => pendingMigrations([a, b].map(ranAs), wanted)).toThrow(ChangedHistory);
  expect(() => pendingMigrations([a, b].map(ranAs), wanted)).toThrow(message);
});

it("whatever was run of a history, the rest of it is what is pending", () => {
  const histories = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 8 });
  fc.assert(
    fc.property(histories, fc.nat(8), (ids, ran) => {
      const all = ids.map((id) => migration(id));
      expect(pendingMigrations(all.slice(0, ran).map(ranAs), all)).toEqual(all.slice(ran));
    }),
  );
});
