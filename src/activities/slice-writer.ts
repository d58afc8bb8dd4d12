import type { JsonObject } from '../json';
import type { Segment, StagedRecord } from '../staging/segment';
import type { SegmentWriter, Staging } from '../staging/staging';
import type { Output } from '../streams/reader';
import { streams } from '../streams/registry';
import { secretDropper } from '../streams/secrets';
import type { SliceInput } from './slice';

const droppers = new Map(streams.map(({ name, secretFields }) => [name, secretDropper(secretFields)]));

/** Last gate before anything is written: whatever the API sent, secrets end here. */
function withoutSecrets(stream: string, data: JsonObject): JsonObject {
  return droppers.get(stream)?.(data) ?? data;
}

/** Writes the outputs of one attempt at a slice: one segment for each stream that has any. */
export class SliceWriter {
  private readonly writers = new Map<string, SegmentWriter>();
  /** A page was taken in part. */
  private torn = false;

  constructor(
    private readonly staging: Staging,
    private readonly slice: Pick<SliceInput, 'run' | 'slice'>,
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
  async write(outputs: readonly Output[], at: number): Promise<void> {
    this.torn = true;
    for (const [stream, records] of this.byStream(outputs, at)) {
      const writer = await this.writerOf(stream);
      await writer.append(records);
    }
    this.torn = false;
  }

  /**
   * Makes all pages so far durable, and answers every segment of this attempt, as far as it counts now. Throws when one was
   * taken in part: its rest would come again.
   */
  async commit(): Promise<Segment[]> {
    if (this.torn) throw new Error('a page was taken in part');
    return Promise.all([...this.writers.values()].map((writer) => writer.commit()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.close()));
  }

  private byStream(outputs: readonly Output[], at: number): Map<string, StagedRecord[]> {
    const records = new Map<string, StagedRecord[]>();
    for (const { stream, data, changes } of outputs) {
      const record: StagedRecord = {
        emitted_at: at,
        data: withoutSecrets(stream, data),
        ...(changes ? { meta: { changes } } : {}),
      };
      const others = records.get(stream);
      if (others) others.push(record);
      else records.set(stream, [record]);
    }
    return records;
  }

  private async writerOf(stream: string): Promise<SegmentWriter> {
    const open = this.writers.get(stream);
    if (open) return open;
    const writer = await this.staging.open({ ...this.slice, attempt: this.attempt, stream });
    this.writers.set(stream, writer);
    return writer;
  }
}
