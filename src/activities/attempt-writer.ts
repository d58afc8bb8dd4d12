import type { JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { SegmentWriter } from '../staging/segment-io';
import type { Staging } from '../staging/staging';
import { streams } from '../streams/registry';
import { createSecretRemover } from '../streams/secret-fields';
import type { ReaderOutput } from '../streams/stream-reader';
import type { FetchInput } from './fetch-contract';

const secretRemovers = new Map(streams.map(({ name, secretFields }) => [name, createSecretRemover(secretFields)]));

/** Removes secrets from a record, whatever the API sent. Every record passes here before it is written. */
function removeSecrets(stream: string, data: JsonObject): JsonObject {
  return secretRemovers.get(stream)?.(data) ?? data;
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

  /**
   * Writes the outputs of one page. They become durable with the next commit.
   * @param at when the page was received, epoch ms
   */
  async write(outputs: readonly ReaderOutput[], at: number): Promise<void> {
    this.hasPartialPage = true;
    for (const [stream, records] of this.groupByStream(outputs, at)) {
      const writer = await this.openWriter(stream);
      await writer.append(records);
    }
    this.hasPartialPage = false;
  }

  /**
   * Makes all pages durable and returns the segments of this attempt. Throws when a page was written in part, since a retry
   * would repeat it.
   */
  async commit(): Promise<Segment[]> {
    if (this.hasPartialPage) throw new Error('a page was written only in part');
    return Promise.all([...this.writers.values()].map((writer) => writer.commit()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.close()));
  }

  private groupByStream(outputs: readonly ReaderOutput[], at: number): Map<string, StagedRecord[]> {
    const records = new Map<string, StagedRecord[]>();
    for (const { stream, data, changes } of outputs) {
      const record: StagedRecord = {
        emitted_at: at,
        data: removeSecrets(stream, data),
        ...(changes && { meta: { changes } }),
      };
      const others = records.get(stream);
      if (others) others.push(record);
      else records.set(stream, [record]);
    }
    return records;
  }

  private async openWriter(stream: string): Promise<SegmentWriter> {
    const open = this.writers.get(stream);
    if (open) return open;
    const writer = await this.staging.open({ ...this.fetch, attempt: this.attempt, stream });
    this.writers.set(stream, writer);
    return writer;
  }
}
