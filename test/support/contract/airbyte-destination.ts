import { Writable } from 'node:stream';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, StreamState } from '../../../src/protocol';

/** The parts of an Airbyte message that a destination looks at. */
export interface Message {
  type: string;
  record?: { stream: string; namespace?: string; data: JsonObject; emitted_at: number };
  state?: {
    type: string;
    stream: { stream_descriptor: { name: string; namespace?: string }; stream_state: StreamState };
    sourceStats: { recordCount: number };
  };
  log?: { level: string; message: string };
  trace?: {
    type: string;
    emitted_at: number;
    stream_status?: { stream_descriptor: { name: string }; status: string; reasons?: JsonObject[] };
    error?: JsonObject;
    estimate?: JsonObject;
  };
}

/** One stream within one read. */
interface Reading {
  status?: string;
  uncovered: number;
  stated: boolean;
  records: JsonObject[];
  /** The newest STATE came after the newest status other than COMPLETE and INCOMPLETE. */
  stateIsLast: boolean;
}

/** Reads what a source writes, as the platform and a destination behind it do, and holds it to the rules of both. */
export class AirbyteDestination {
  readonly messages: Message[] = [];
  readonly states: Record<string, StreamState> = {};
  private readonly content: Record<string, JsonObject[]> = {};
  private readings = new Map<string, Reading>();
  private unended = '';

  constructor(private readonly catalog: readonly ConfiguredStream[]) {}

  /** The pipe of a new read. */
  begin(): Writable {
    this.readings = new Map();
    return new Writable({
      decodeStrings: true,
      write: (chunk: Buffer, _, done) => {
        try {
          this.take(chunk);
          done();
        } catch (error) {
          done(error as Error);
        }
      },
    });
  }

  held(stream: string): JsonObject[] {
    return this.content[stream] ?? [];
  }

  private take(chunk: Buffer): void {
    const text = chunk.toString('latin1');
    demand(/^[\x20-\x7e\n]*$/.test(text), 'only ASCII on the pipe');
    const lines = (this.unended + text).split('\n');
    this.unended = lines.pop() ?? '';
    for (const line of lines) this.takeMessage(JSON.parse(line) as Message);
  }

  private takeMessage(message: Message): void {
    this.messages.push(message);
    const { record, state, trace } = message;
    if (record) this.takeRecord(record);
    if (state) this.takeState(state);
    if (trace?.stream_status) this.takeStatus(trace.stream_status);
  }

  private readingOf(name: string): Reading {
    const reading = this.readings.get(name) ?? { uncovered: 0, stated: false, records: [], stateIsLast: false };
    this.readings.set(name, reading);
    return reading;
  }

  private configured(name: string): ConfiguredStream {
    const stream = this.catalog.find((each) => each.name === name);
    if (!stream) throw new Error(`${name} is not in the catalog`);
    return stream;
  }

  private takeRecord({ stream, namespace, data }: NonNullable<Message['record']>): void {
    demand(namespace === this.configured(stream).namespace, 'a record carries the namespace of its stream');
    const reading = this.readingOf(stream);
    demand(reading.status === 'RUNNING', 'records come while their stream is RUNNING');
    reading.uncovered += 1;
    if (this.overwrites(stream)) reading.records.push(data);
    else this.content[stream] = [...this.held(stream), data];
  }

  private takeState({ stream, sourceStats }: NonNullable<Message['state']>): void {
    const { name, namespace } = stream.stream_descriptor;
    demand(namespace === this.configured(name).namespace, 'a state carries the namespace of its stream');
    const reading = this.readingOf(name);
    demand(sourceStats.recordCount === reading.uncovered, 'a state counts the records since the one before');
    demand(!ended(reading), 'no state after the end');
    reading.uncovered = 0;
    reading.stated = true;
    reading.stateIsLast = true;
    this.states[name] = stream.stream_state;
  }

  private takeStatus({ stream_descriptor: { name }, status, reasons }: StreamStatus): void {
    const reading = this.readingOf(name);
    demand(!ended(reading), 'no status after the end');
    if (status === 'STARTED') demand(reading.status === undefined, 'STARTED comes first, and once');
    const held = reading.status === 'STARTED' || reading.status === 'RATE_LIMITED';
    if (status === 'RUNNING' && !reasons) demand(held, 'RUNNING comes after STARTED or RATE_LIMITED, and once');
    if (status === 'COMPLETE') {
      demand(reading.stated && reading.stateIsLast, 'the last status before COMPLETE is followed by a state');
      if (this.overwrites(name)) this.content[name] = reading.records;
    }
    reading.status = reasons ? 'RATE_LIMITED' : status;
    reading.stateIsLast = false;
  }

  private overwrites(stream: string): boolean {
    return this.configured(stream).destinationSyncMode === 'overwrite';
  }
}

type StreamStatus = NonNullable<NonNullable<Message['trace']>['stream_status']>;

function ended({ status }: Reading): boolean {
  return status === 'COMPLETE' || status === 'INCOMPLETE';
}

function demand(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}
