/** What a query asks for. */
export interface Query {
  /** Names of the metrics, as they are written. */
  metrics: string[];
  /** Labels that are matched or grouped by, with every metric of the query. */
  labels: string[];
}

/** Loads Prometheus' own parser. What it returns reads a query of PromQL, and throws for one that is none, with the place. */
export async function loadPromql(): Promise<(expression: string) => Query> {
  const { parser } = await import('@prometheus-io/lezer-promql');
  return (expression) => {
    const found: Query = { metrics: [], labels: [] };
    parser.parse(expression).iterate({
      enter({ type, from, to }) {
        const text = expression.slice(from, to);
        if (type.isError) throw new Error(`no PromQL at ${from} of ${expression}`);
        if (type.name === 'Identifier') found.metrics.push(text);
        if (type.name === 'LabelName') found.labels.push(text);
      },
    });
    return found;
  };
}

/** A query as Grafana sends it, its variables filled in. */
export function fillIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '5m').replaceAll('$connection', '.*');
}
