/**
 * What no span may hold, in real requests as clients make them, right or mistaken: in bodies, headers, paths, queries and
 * bodies that cannot be read.
 */
export const plantedUser = {
  email: "ada.planted@planted.example",
  password: "planted-password-1",
  name: "Ada Planted",
  phone: "+49 170 5550042",
};

const card = { number: "4242 4242 4242 4242", expiry: "12/39", cvc: "739" };
const address = {
  name: "Ada Planted",
  street: "Plantedweg 7",
  postcode: "10999",
  city: "Plantedstadt",
  country: "DE",
};

/** By their form too, however they are escaped. */
const forms: readonly RegExp[] = [
  /[^"]{0,60}planted[^"]{0,60}/gi,
  /170[ %20]*555[ %20]*0042/g,
  /4242(?: |%20|\+)?4242(?: |%20|\+)?4242/g,
  /eyJ[\w-]+\.[\w-]+/g,
  /203\.0\.113\.77/g,
  /password-0\d\d/g,
];

/** @returns what was found of it */
export function plantedIn(text: string): readonly string[] {
  return forms.flatMap((form) => text.match(form) ?? []);
}

export interface PlantedCall {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Calls of a user who is logged in; the last one places an order, as a part of a journey. */
export function plantedCalls(session: {
  readonly accessToken: string;
  readonly refreshToken: string;
}): readonly PlantedCall[] {
  const mail = encodeURIComponent(plantedUser.email);
  const json = { "content-type": "application/json" };
  const headers = {
    authorization: `Bearer ${session.accessToken}`,
    cookie: "session=planted-cookie",
    "user-agent": `shopper of ${plantedUser.email}`,
    "x-forwarded-for": "203.0.113.77",
    tracestate: "vendor=planted-state",
    baggage: "squall.journey=checkout,squall.cohort=treatment,session=planted-baggage,squall.other=planted",
  };
  const get = (path: string): PlantedCall => ({ method: "GET", path, headers });
  const post = (path: string, body: unknown, more: Readonly<Record<string, string>> = {}): PlantedCall => ({
    method: "POST",
    path,
    body,
    headers: { ...headers, ...json, ...more },
  });
  return [
    post("/api/login", { email: plantedUser.email, password: "planted-password-2" }),
    post("/api/login", '{"email":"x@planted.example","password":planted-password-3'),
    post("/api/refresh", { refreshToken: "planted-refresh" }),
    { ...post("/api/profile", { phone: plantedUser.phone, addresses: [address] }), method: "PATCH" },
    post("/api/cards", card),
    post("/api/cards", { ...card, number: "4242 4242 4242 4241" }),
    get("/api/search?q=planted&page=1"),
    get(`/api/search?q=planted%00&category=${mail}`),
    get(`/api/search?page=4242424242424242&password=planted`),
    get(`/api/products/${mail}`),
    get("/api/products/4242%204242%204242%204242"),
    get(`/api/orders/${mail}`),
    get(`/api/orders/${session.accessToken}`),
    get(`/${plantedUser.email}/%2B49%20170%205550042`),
    post(
      "/api/checkout",
      { items: [{ productId: "p-0002", quantity: 1 }] },
      { "idempotency-key": "planted" },
    ),
  ];
}
