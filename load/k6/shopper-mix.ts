/** The weights of the `shopper` mix of target-system/target.yaml, which k6 cannot read; a test keeps the two equal. */
export const shopperMix = {
  browse: 30,
  search: 15,
  product: 30,
  "log-in": 3,
  checkout: 15,
  "add-card": 2,
  "order-status": 7,
} as const;

export type ShopperJourney = keyof typeof shopperMix;
