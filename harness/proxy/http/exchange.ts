import type { HttpStep, Wanted } from "./http-fault.ts";
import type { AnswerHead, RequestHead } from "./message-head.ts";
import type { Piece } from "./message-reader.ts";
import type { RequestCopies, RequestCopy } from "./request-copies.ts";

/** A request and its answer. */
export interface Exchange {
  readonly request: RequestHead;
  /** What the faults that took it want done. */
  readonly wanted: readonly Wanted[];
  /** How it ends without the callee; `undefined` when the callee answers. */
  local: LocalEnd | undefined;
  /** Its request, while it is to be delivered again. */
  copy: RequestCopy | undefined;
  isRequestOver: boolean;
  isAnswered: boolean;
}

export type LocalEnd =
  /** Its request is not over. */
  | { readonly by: "nothing-yet" }
  | {
      readonly by: "answer";
      readonly stop: Stop;
      readonly pieces: Piece<AnswerHead>[];
      readonly closes: boolean;
    }
  | { readonly by: "reset"; readonly stop: Stop }
  /** Its request was cut short. */
  | { readonly by: "close" };

/** A step that keeps a call from the callee. */
export type Stop = Wanted<Extract<HttpStep, { readonly act: "answer" | "abort" }>>;

/** What the two directions of a session have in common. */
export interface Conversation {
  /** Those not answered yet, in order of their requests. */
  readonly exchanges: Exchange[];
  readonly copies: RequestCopies;
  /** Offers a request to the faults; the exchange is the last of {@link exchanges}. */
  begin(head: RequestHead): Exchange;
  /** The next exchange can be ended without the callee. */
  onLocalEnd(): void;
  onRequestOver(exchange: Exchange): void;
  /** It is no longer among {@link exchanges}. */
  onAnswered(exchange: Exchange): void;
  /** The requests cannot be read from here on. */
  onRequestsUnreadable(): void;
  /** The answers cannot be read from here on, or nobody asked for them. */
  onAnswersUnreadable(): void;
  /** What follows is another protocol. */
  onTunnel(): void;
}
