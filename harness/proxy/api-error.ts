/** An answer that says no, in Toxiproxy's words and form. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const proxyNotFound = (): ApiError => new ApiError(404, "proxy not found");
export const toxicNotFound = (): ApiError => new ApiError(404, "toxic not found");
export const badRequest = (detail: string): ApiError => new ApiError(400, `bad request body: ${detail}`);
