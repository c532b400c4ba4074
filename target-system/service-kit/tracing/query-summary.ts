/**
 * What a statement does in few words, "INSERT orders, UPDATE reservations": the name of its span and `db.query.summary`
 * (opentelemetry.io/docs/specs/semconv/database/database-spans/#generating-a-summary-of-the-query). Not a parser: it knows
 * the shape of what services here write.
 */
export function querySummary(statement: string): string {
  const known = summaries.get(statement);
  if (known !== undefined) return known;
  const summary = summarize(statement);
  if (summaries.size < mostSummaries) summaries.set(statement, summary);
  return summary;
}

/** Statements are written in code, so there are few. */
const summaries = new Map<string, string>();
const mostSummaries = 500;
const mostParts = 3;

/** `for update`, `do update`, `epoch from` and `distinct from` are of no table. */
const action =
  /(?<!\b(?:for|do|key|epoch|distinct)\s)\b(insert\s+into|delete\s+from|update|from|join)\s+([a-z_]\w*)\b(\s*\()?/gi;
const named = /\b([a-z_]\w*)\s+as\s+(?:(?:not\s+)?materialized\s+)?\(/gi;

function summarize(statement: string): string {
  const code = statement.replaceAll(/--[^\n]*|'[^']*'/g, " ");
  const own = new Set([...code.matchAll(named)].map(([, name = ""]) => name.toLowerCase()));
  const parts = new Set<string>();
  for (const [, verb = "", table = "", bracket] of code.matchAll(action)) {
    const isRead = /^(from|join)$/i.test(verb);
    if (isRead && bracket !== undefined) continue; // a function
    const operation = isRead ? "SELECT" : (verb.split(/\s/)[0] ?? verb).toUpperCase();
    if (!own.has(table.toLowerCase()) && !(isRead && [...parts].some((part) => part.endsWith(` ${table}`))))
      parts.add(`${operation} ${table}`);
  }
  const first = /[a-z]+/i.exec(code)?.[0].toUpperCase() ?? "QUERY";
  const told = [...parts].slice(0, mostParts).join(", ");
  return told === "" ? first : told;
}
