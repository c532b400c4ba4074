/** A server that answers at once; tells its parent its port, and ends with it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const products = Array.from({ length: 20 }, (_, id) => ({ id: `product-${id}`, priceCents: 100 }));
const body = JSON.stringify({ products });

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    const status = request.method === "POST" ? 201 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
