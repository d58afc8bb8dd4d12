import type { LabelsOf, MetricOf } from './table';

/** Takes what is measured. Whoever measures knows this and the table, and not what becomes of it. */
export interface Meter {
  /** @param by a whole number, 0 to make the series known; default 1 */
  add<Name extends MetricOf<'counter'>>(metric: Name, labels: LabelsOf<Name>, by?: number): void;
  set<Name extends MetricOf<'gauge'>>(metric: Name, labels: LabelsOf<Name>, value: number): void;
  record<Name extends MetricOf<'histogram'>>(metric: Name, labels: LabelsOf<Name>, value: number): void;
}

/** For processes that nobody asks for metrics. */
export const noMeter: Meter = { add() {}, set() {}, record() {} };
