/**
 * Proof of who calls, sent with each call from one service of the shop to another as `authorization: Bearer <JWT>`:
 *
 *   header  alg EdDSA (Ed25519) · typ service+jwt · kid
 *   claims  iss the caller · aud the callee · sub the user on whose behalf, if any · iat · exp 60 s later · jti
 *
 * A token is good for any call of its caller to its callee until it ends: it is made once for many calls, and comes again
 * with each retry and each delivery that the network repeats. It is not used up; what a repeated call must not do twice
 * is for idempotency to see to. What is refused is a token at a callee that it does not name, after its end, at a route
 * that does not allow its caller, or of a key that was withdrawn.
 */
export const tokenAlgorithm = "EdDSA";
/** Said explicitly, so that no other kind of token passes for one (RFC 8725, 3.11). */
export const tokenType = "service+jwt";
export const tokenSeconds = 60;
/** Used again for this long, so that a token that is sent is good for half a minute at least. */
export const reusedForSeconds = 30;
/** How far the clocks of two services may be apart. */
export const clockToleranceSeconds = 5;

/**
 * Comes with a refusal of the caller, not of what was asked, so that the caller can tell its own trouble from an answer to
 * its user (RFC 6750, 3).
 */
export const challenge = 'Bearer realm="services"';

/** Safe as the name of a file, whoever sends it. */
export function isServiceName(text: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(text);
}
