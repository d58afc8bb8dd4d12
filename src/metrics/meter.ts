import type { LabelValues, MetricName } from './table';

/** Takes what is measured. Whoever measures knows this and the table, and not what becomes of it. */
export interface Meter {
  /** @param by a whole number, 0 to make the series known; default 1 */
  add<Name extends MetricName<'counter'>>(metric: Name, labels: LabelValues<Name>, by?: number): void;
  set<Name extends MetricName<'gauge'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
  record<Name extends MetricName<'histogram'>>(metric: Name, labels: LabelValues<Name>, value: number): void;
}

/** For processes that nobody asks for metrics. */
export const noMeter: Meter = { add() {}, set() {}, record() {} };
