/** The variable by which spans tell one replica of a service from another. */
export function instanceVariables(name: string): Record<string, string> {
  return { OTEL_RESOURCE_ATTRIBUTES: `service.instance.id=${name}` };
}
