import { expect, it } from "vitest";
import { sharedLookup } from "./shared-lookup.ts";

function addressesOf(name: string): Promise<unknown> {
  return new Promise((resolve, reject) =>
    sharedLookup(name, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses);
    }),
  );
}

it("many who ask for one name at once take one of the threads that look names up, and each gets the answer", async () => {
  const asked = Array.from({ length: 100 }, () => addressesOf("localhost"));
  expect(process.getActiveResourcesInfo().filter((kind) => kind === "GetAddrInfoReqWrap")).toHaveLength(1);
  const answers = await Promise.all(asked);
  expect(answers).toHaveLength(100);
  expect(answers[0]).toContainEqual({ address: "127.0.0.1", family: 4 });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

it("names do not answer for each other, and a failure is told to all but kept for nobody", async () => {
  const names = ["nowhere.invalid", "localhost", "nowhere.invalid"];
  const [one, found, other] = await Promise.allSettled(names.map(addressesOf));
  for (const failed of [one, other])
    expect(failed).toMatchObject({ status: "rejected", reason: { syscall: "getaddrinfo" } });
  expect(found).toMatchObject({ status: "fulfilled" });
  await expect(addressesOf("nowhere.invalid")).rejects.toThrow("nowhere.invalid");
});
