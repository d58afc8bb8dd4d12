import { Writable } from 'node:stream';
import type { JsonObject } from '../../../src/json';
import type { ConfiguredStream, StreamState } from '../../../src/protocol';

/** The parts of an Airbyte message that a destination reads. */
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

/** The progress of one stream in one read. */
interface StreamRead {
  status?: string;
  recordsSinceState: number;
  stateWritten: boolean;
  records: JsonObject[];
  /** The newest STATE came after the newest status other than COMPLETE and INCOMPLETE. */
  stateIsLast: boolean;
}

/** Reads a source's output as the Airbyte platform and a destination do, and checks it against the rules of both. */
export class AirbyteDestination {
  readonly messages: Message[] = [];
  readonly states: Record<string, StreamState> = {};
  private readonly content: Record<string, JsonObject[]> = {};
  private reads = new Map<string, StreamRead>();
  private partialLine = '';

  constructor(private readonly catalog: readonly ConfiguredStream[]) {}

  /** Opens the pipe of a new read. */
  openPipe(): Writable {
    this.reads = new Map();
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

  getRecords(stream: string): JsonObject[] {
    return this.content[stream] ?? [];
  }

  private take(chunk: Buffer): void {
    const text = chunk.toString('latin1');
    check(/^[\x20-\x7e\n]*$/.test(text), 'only ASCII on the pipe');
    const lines = (this.partialLine + text).split('\n');
    this.partialLine = lines.pop() ?? '';
    for (const line of lines) this.takeMessage(JSON.parse(line) as Message);
  }

  private takeMessage(message: Message): void {
    this.messages.push(message);
    const { record, state, trace } = message;
    if (record) this.takeRecord(record);
    if (state) this.takeState(state);
    if (trace?.stream_status) this.takeStatus(trace.stream_status);
  }

  private getRead(name: string): StreamRead {
    const read = this.reads.get(name) ?? { recordsSinceState: 0, stateWritten: false, records: [], stateIsLast: false };
    this.reads.set(name, read);
    return read;
  }

  private getStream(name: string): ConfiguredStream {
    const stream = this.catalog.find((each) => each.name === name);
    if (!stream) throw new Error(`${name} is not in the catalog`);
    return stream;
  }

  private takeRecord({ stream, namespace, data }: NonNullable<Message['record']>): void {
    check(namespace === this.getStream(stream).namespace, 'a record carries the namespace of its stream');
    const read = this.getRead(stream);
    check(read.status === 'RUNNING', 'records come while their stream is RUNNING');
    read.recordsSinceState += 1;
    if (this.overwrites(stream)) read.records.push(data);
    else this.content[stream] = [...this.getRecords(stream), data];
  }

  private takeState({ stream, sourceStats }: NonNullable<Message['state']>): void {
    const { name, namespace } = stream.stream_descriptor;
    check(namespace === this.getStream(name).namespace, 'a state carries the namespace of its stream');
    const read = this.getRead(name);
    check(sourceStats.recordCount === read.recordsSinceState, 'a state counts the records since the one before');
    check(!hasEnded(read), 'no state after the end');
    read.recordsSinceState = 0;
    read.stateWritten = true;
    read.stateIsLast = true;
    this.states[name] = stream.stream_state;
  }

  private takeStatus({ stream_descriptor: { name }, status, reasons }: StreamStatus): void {
    const read = this.getRead(name);
    check(!hasEnded(read), 'no status after the end');
    if (status === 'STARTED') check(read.status === undefined, 'STARTED comes first, and once');
    const mayRun = read.status === 'STARTED' || read.status === 'RATE_LIMITED';
    if (status === 'RUNNING' && !reasons) check(mayRun, 'RUNNING comes after STARTED or RATE_LIMITED, and once');
    if (status === 'COMPLETE') {
      check(read.stateWritten && read.stateIsLast, 'the last status before COMPLETE is followed by a state');
      if (this.overwrites(name)) this.content[name] = read.records;
    }
    read.status = reasons ? 'RATE_LIMITED' : status;
    read.stateIsLast = false;
  }

  private overwrites(stream: string): boolean {
    return this.getStream(stream).destinationSyncMode === 'overwrite';
  }
}

type StreamStatus = NonNullable<NonNullable<Message['trace']>['stream_status']>;

function hasEnded({ status }: StreamRead): boolean {
  return status === 'COMPLETE' || status === 'INCOMPLETE';
}

function check(satisfied: boolean, rule: string): void {
  if (!satisfied) throw new Error(`broken rule: ${rule}`);
}
