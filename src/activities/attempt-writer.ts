import type { JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { SegmentWriter, Staging } from '../staging/staging';
import { streams } from '../streams/registry';
import { createSecretRemover } from '../streams/secret-fields';
import type { ReaderOutput } from '../streams/stream-reader';
import type { FetchInput } from './fetch-contract';

const secretRemovers = new Map(streams.map(({ name, secretFields }) => [name, createSecretRemover(secretFields)]));

/** Last gate before anything is written: whatever the API sent, secrets end here. */
function removeSecrets(stream: string, data: JsonObject): JsonObject {
  return secretRemovers.get(stream)?.(data) ?? data;
}

/** Writes the outputs of one attempt at a slice: one segment for each stream that has any. */
export class AttemptWriter {
  private readonly writers = new Map<string, SegmentWriter>();
  /** A page was taken in part. */
  private hasPartialPage = false;

  constructor(
    private readonly staging: Staging,
    private readonly fetch: Pick<FetchInput, 'run' | 'fetchId'>,
    private readonly attempt: number,
  ) {}

  /** Bytes so far, about. */
  get size(): number {
    return [...this.writers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Takes the outputs of one page; they are not durable yet.
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
   * Makes all pages so far durable, and answers every segment of this attempt, as far as it counts now. Throws when one was
   * taken in part: its rest would come again.
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
        ...(changes ? { meta: { changes } } : {}),
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
