import { checkDocument, readYamlDocument } from "../base/yaml-document.ts";
import { proxyListSchema, type ProxySpec } from "./proxy-spec.ts";

/** No lease is held before the server answers. */
const configSchema = proxyListSchema.superRefine((specs, context) => {
  specs.forEach(({ lease, toxics }, index) => {
    const message = "expected no lease, which nobody can hold yet: ttl_ms ends a fault by itself";
    if (lease !== undefined) context.addIssue({ code: "custom", path: [index, "lease"], message });
    toxics.forEach((toxic, at) => {
      if (toxic.lease !== undefined)
        context.addIssue({ code: "custom", path: [index, "toxics", at, "lease"], message });
    });
  });
});

/**
 * Reads proxies from a file in the format of Toxiproxy's `-config`: the list that `POST /populate` takes, as JSON or YAML.
 * @throws {SQUALL_FILE} when the file is missing or cannot be read
 * @throws {SQUALL_INVALID_DOCUMENT} naming every problem with its line and path
 */
export function readProxyConfig(file: string): readonly ProxySpec[] {
  return checkDocument(readYamlDocument(file, "proxy configuration"), configSchema);
}
