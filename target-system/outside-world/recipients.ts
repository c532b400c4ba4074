/** What a mail server says to a recipient that it does not take now, or ever. */
export interface Refusal {
  readonly responseCode: number;
  /** With the enhanced status code of RFC 3463. */
  readonly text: string;
}

/**
 * Whom the mail server takes mails for: everybody, but for reserved names at any domain, which tell it how to behave:
 *
 *   refused@     there is no such mailbox: 550
 *   later@       the mailbox is busy: 451
 *   later-3@     busy for the first three tries
 *
 * A name may go on after a plus, so that there can be many of a kind: `refused+anna@`.
 */
export class Recipients {
  readonly #tries = new Map<string, number>();

  /** One try to hand in a mail for `address`. */
  refusal(address: string): Refusal | undefined {
    const match = /^(?:(?<refused>refused)|later(?:-(?<times>\d{1,6}))?)(?:\+[^@]*)?@/i.exec(address);
    if (match === null) return undefined;
    const { refused, times } = match.groups ?? {};
    if (refused !== undefined) return { responseCode: 550, text: "5.1.1 there is no such mailbox" };
    const tries = (this.#tries.get(address) ?? 0) + 1;
    this.#tries.set(address, tries);
    if (times !== undefined && tries > Number(times)) return undefined;
    return { responseCode: 451, text: "4.2.1 the mailbox is busy" };
  }
}
