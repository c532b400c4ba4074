import { Registry, type Metric, type OpenMetricsContentType } from "prom-client";

/** A service's metrics as text, and what kind of text it is. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/**
 * What a registry holds now: in OpenMetrics, which alone has exemplars, for who prefers it; in Prometheus' text format for
 * everybody else.
 * @param accept the scraper's Accept header
 */
export async function expose(registry: Registry, accept = ""): Promise<Exposition> {
  if (qualityOf("application/openmetrics-text", accept) <= qualityOf("text/plain", accept))
    return { contentType: registry.contentType, text: await registry.metrics() };
  const view = new Registry<OpenMetricsContentType>();
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  // As OpenMetrics, prom-client takes `_total` off the counters it writes, for good: it is given heirs of ours instead.
  for (const { name } of registry.getMetricsAsArray())
    view.registerMetric(Object.create(registry.getSingleMetric(name) ?? null) as Metric);
  return { contentType: view.contentType, text: await view.metrics() };
}

/** What an Accept header thinks of a media type, from 0 to 1; 0 when it does not name it. */
function qualityOf(mediaType: string, accept: string): number {
  const qualities = accept.split(",").map((range) => {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    if (type !== mediaType) return 0;
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
  });
  return Math.max(...qualities);
}
