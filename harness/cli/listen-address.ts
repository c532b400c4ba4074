import { InvalidArgumentError } from "commander";
import { parseAddress, type Address } from "../base/address.ts";

/** What an option takes that says where to listen. @param example for the error: "127.0.0.1:9090" */
export function listenAddress(example: string): (given: string) => Address {
  return (given) => {
    const address = parseAddress(given);
    if (address === undefined)
      throw new InvalidArgumentError(`expected an address such as ${example}, got "${given}"`);
    return address;
  };
}
