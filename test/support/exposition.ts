/** One value of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Metrics as a scrape reads them. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export interface Exposition {
  samples: Sample[];
  /** Kind of each metric by name, the endings of a histogram's parts left out. */
  kinds: Map<string, string>;
  /** What it says of itself, by name. */
  helps: Map<string, string>;
  /** Sum of the samples that have this name and these labels; undefined when there is none. */
  valueOf(name: string, labels?: Record<string, string>): number | undefined;
}

const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/g;

/** Throws for a line that is none of the format. */
export function parseExposition(text: string): Exposition {
  const kinds = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, what, about = '', rest = ''] = /^# (TYPE|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (what !== undefined) {
      (what === 'TYPE' ? kinds : helps).set(about, rest);
      continue;
    }
    const [, name, labels = '', value] = sample.exec(line) ?? [];
    if (name === undefined) throw new Error(`no line of the text format: ${line}`);
    samples.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(label)].map(([, key, text]) => [key, text])),
      value: Number(value),
    });
  }
  return {
    samples,
    kinds,
    helps,
    valueOf(name, labels = {}) {
      const found = samples.filter(
        (each) => each.name === name && Object.entries(labels).every(([key, text]) => each.labels[key] === text),
      );
      return found.length === 0 ? undefined : found.reduce((sum, each) => sum + each.value, 0);
    },
  };
}

/** Name of the metric that a sample belongs to. */
export function metricOf({ name }: Pick<Sample, 'name'>, { kinds }: Exposition): string {
  const whole = name.replace(/_(bucket|sum|count)$/, '');
  return kinds.get(whole) === 'histogram' ? whole : name;
}
