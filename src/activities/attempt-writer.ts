import type { Segment, StagedRecord } from '../staging/segment';
import type { SegmentWriter } from '../staging/segment-io';
import type { Staging } from '../staging/staging';
import { createSecretRemover } from '../streams/descriptor';
import { streams } from '../streams/registry';
import type { ReaderOutput } from '../streams/stream-reader';
import type { FetchInput } from './fetch-contract';

const secretRemovers = new Map(streams.map(({ name, secretFields }) => [name, createSecretRemover(secretFields)]));

/** Removes the secrets of all records, whatever the API sent. Every record passes here before it is written. */
function groupByStream(outputs: readonly ReaderOutput[], at: number): Map<string, StagedRecord[]> {
  const groups = new Map<string, StagedRecord[]>();
  for (const { stream, data, changes } of outputs) {
    const records = groups.get(stream) ?? [];
    const cleaned = secretRemovers.get(stream)?.(data) ?? data;
    records.push({ emitted_at: at, data: cleaned, ...(changes && { meta: { changes } }) });
    groups.set(stream, records);
  }
  return groups;
}

/** Writes the outputs of one attempt at a fetch, one segment per stream. */
export class AttemptWriter {
  private readonly writers = new Map<string, SegmentWriter>();
  /** True while a page is being written, and after an error within it. */
  private hasPartialPage = false;

  constructor(
    private readonly staging: Staging,
    private readonly fetch: Pick<FetchInput, 'run' | 'fetchId'>,
    private readonly attempt: number,
  ) {}

  /** Approximate bytes written. */
  get size(): number {
    return [...this.writers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Writes the outputs of one page, received `at` (epoch ms). They become durable with the next commit. */
  async write(outputs: readonly ReaderOutput[], at: number): Promise<void> {
    this.hasPartialPage = true;
    for (const [stream, records] of groupByStream(outputs, at)) await (await this.openWriter(stream)).append(records);
    this.hasPartialPage = false;
  }

  /** Makes all pages durable. Returns the attempt's segments. Throws after a partial page, which a retry would repeat. */
  async commit(): Promise<Segment[]> {
    if (this.hasPartialPage) throw new Error('a page was written only in part');
    return Promise.all([...this.writers.values()].map((writer) => writer.commit()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.close()));
  }

  private async openWriter(stream: string): Promise<SegmentWriter> {
    const open = this.writers.get(stream);
    if (open) return open;
    const writer = await this.staging.open({ ...this.fetch, attempt: this.attempt, stream });
    this.writers.set(stream, writer);
    return writer;
  }
}
