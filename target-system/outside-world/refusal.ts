/** What the outside world says no to; `code` is what the caller is told, with the status of the same name in `statuses`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return statuses[this.code];
  }
}

const statuses = {
  declined: 402,
  "insufficient-funds": 402,
  unknown: 404,
  "wrong-status": 409,
  "too-much": 409,
  "key-reused": 422,
  "card-unknown": 422,
  "token-unknown": 422,
} as const;

export type RefusalCode = keyof typeof statuses;
