/** Values of a metric's labels, in the order of their names. */
export type Labels = readonly string[];

/** One metric as Prometheus reads it: `# HELP`, `# TYPE` and a line for each combination of labels. */
export interface Family {
  /** Its text, lines ended. */
  text(): string;
}

/** The media type of the text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What every metric has. Label names are given in the order that their values come in, and written in alphabetical order. */
export interface FamilyOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Series of one metric by their labels. */
class Series<T> {
  readonly options: FamilyOptions;
  readonly #byKey = new Map<string, { readonly labels: Labels; value: T }>();
  readonly #make: () => T;

  constructor(options: FamilyOptions, make: () => T) {
    this.options = options;
    this.#make = make;
  }

  at(labels: Labels): { value: T } {
    // Labels may hold any character: JSON keeps them apart.
    const key = JSON.stringify(labels);
    let found = this.#byKey.get(key);
    if (found === undefined) this.#byKey.set(key, (found = { labels, value: this.#make() }));
    return found;
  }

  /** Head and lines; a series may write several. */
  text(type: string, linesOf: (labels: readonly (readonly [string, string])[], value: T) => readonly string[]): string {
    const { name, help, labels: names } = this.options;
    const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`];
    for (const { labels, value } of this.#byKey.values())
      lines.push(
        ...linesOf(
          names.map((label, index) => [label, labels[index] ?? '']),
          value,
        ),
      );
    return `${lines.join('\n')}\n`;
  }
}

/** A number that only grows. */
export class Counter implements Family {
  readonly #series: Series<number>;

  constructor(options: FamilyOptions) {
    this.#series = new Series(options, () => 0);
  }

  increment(...labels: Labels): void {
    this.#series.at(labels).value += 1;
  }

  text(): string {
    return this.#series.text('counter', (labels, value) => [line(this.#series.options.name, labels, value)]);
  }
}

/** A number that goes up and down. */
export class Gauge implements Family {
  readonly #series: Series<number>;

  constructor(options: FamilyOptions) {
    this.#series = new Series(options, () => 0);
  }

  add(amount: number, ...labels: Labels): void {
    this.#series.at(labels).value += amount;
  }

  set(value: number, ...labels: Labels): void {
    this.#series.at(labels).value = value;
  }

  text(): string {
    return this.#series.text('gauge', (labels, value) => [line(this.#series.options.name, labels, value)]);
  }
}

interface Observations {
  readonly counts: number[];
  count: number;
  sum: number;
}

/** How many observations were at most each bound, in all, and their sum. */
export class Histogram implements Family {
  readonly #series: Series<Observations>;
  readonly #bounds: readonly number[];

  /** `bounds` ascend; one without an end is added. */
  constructor(options: FamilyOptions, bounds: readonly number[]) {
    this.#bounds = [...bounds, Number.POSITIVE_INFINITY];
    this.#series = new Series(options, () => ({ counts: this.#bounds.map(() => 0), count: 0, sum: 0 }));
  }

  observe(value: number, ...labels: Labels): void {
    const { value: seen } = this.#series.at(labels);
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    seen.counts[bucket] = (seen.counts[bucket] ?? 0) + 1;
    seen.count += 1;
    seen.sum += value;
  }

  text(): string {
    const { name } = this.#series.options;
    return this.#series.text('histogram', (labels, { counts, count, sum }) => {
      let sofar = 0;
      const buckets = this.#bounds.map((bound, index) => {
        sofar += counts[index] ?? 0;
        return line(`${name}_bucket`, [...labels, ['le', numberText(bound)]], sofar);
      });
      return [...buckets, line(`${name}_count`, labels, count), line(`${name}_sum`, labels, sum)];
    });
  }
}

function line(name: string, labels: readonly (readonly [string, string])[], value: number): string {
  const pairs = labels.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`;
}

/** As prometheus_client writes floats: `1.0`, `0.005`, `+Inf`. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
}

/** A task may be called anything. */
function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
