import type { FailureType } from '../errors';
import { defined, type JsonObject } from '../json';

/** Airbyte's log levels, the most severe first. */
export const logLevels = ['FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Airbyte's `stream_descriptor`. */
export interface StreamRef {
  name: string;
  namespace?: string;
}

/** Body of a TRACE ERROR. `message` is for the user: what happened, and the next step. */
export interface ErrorReport {
  message: string;
  internalMessage?: string;
  stackTrace?: string;
  failureType: FailureType;
  stream?: StreamRef;
}

/** Body of a SPEC message. `connectionSpecification` is a draft-07 JSON schema. */
export interface ConnectorSpecification {
  documentationUrl: string;
  connectionSpecification: JsonObject;
}

/** One entry of a CATALOG message. */
export interface AirbyteStream {
  name: string;
  json_schema: JsonObject;
  supported_sync_modes: ('full_refresh' | 'incremental')[];
  source_defined_cursor: boolean;
  default_cursor_field?: string[];
  source_defined_primary_key: string[][];
  is_resumable: boolean;
}

/**
 * Returns a function that formats staged lines (a StagedRecord without line end) as RECORD lines. For speed, the text is
 * inserted into the message without parsing it.
 */
export function createRecordFormatter(stream: StreamRef): (staged: string) => string {
  const head = JSON.stringify({ stream: stream.name, namespace: stream.namespace });
  const prefix = escapeNonAscii(`{"type":"RECORD","record":${head.slice(0, -1)},`);
  return (staged) => `${prefix}${escapeNonAscii(staged.slice(1))}}\n`;
}

/**
 * Formats a STATE of type STREAM. `state` is the complete state of the stream, never a delta. `recordCount` is the number of
 * records since the stream's last STATE; the platform compares it with its own count.
 */
export function formatStateLine(stream: StreamRef, state: JsonObject, recordCount: number): string {
  return formatMessageLine({
    type: 'STATE',
    state: {
      type: 'STREAM',
      stream: { stream_descriptor: toStreamRef(stream), stream_state: state },
      sourceStats: { recordCount },
    },
  });
}

export function formatLogLine(level: LogLevel, message: string, stackTrace?: string): string {
  return formatMessageLine({ type: 'LOG', log: { level, message, stack_trace: stackTrace } });
}

/** Formats a TRACE ERROR. `at` is epoch ms, as in every trace below. */
export function formatErrorLine(report: ErrorReport, at: number): string {
  return formatTraceLine('ERROR', at, {
    error: {
      message: report.message,
      internal_message: report.internalMessage,
      stack_trace: report.stackTrace,
      failure_type: report.failureType,
      stream_descriptor: report.stream && toStreamRef(report.stream),
    },
  });
}

export type StreamStatus = 'STARTED' | 'RUNNING' | 'COMPLETE' | 'INCOMPLETE';

export function formatStatusLine(stream: StreamRef, status: StreamStatus, at: number): string {
  return formatTraceLine('STREAM_STATUS', at, { stream_status: { stream_descriptor: toStreamRef(stream), status } });
}

/** Formats the status RUNNING with the reason RATE_LIMITED. `quotaReset` is epoch ms, when it is known. */
export function formatRateLimitedLine(stream: StreamRef, quotaReset: number | undefined, at: number): string {
  const rateLimited = quotaReset === undefined ? {} : { quota_reset: Math.ceil(quotaReset) };
  const reason = { type: 'RATE_LIMITED', rate_limited: rateLimited };
  return formatTraceLine('STREAM_STATUS', at, {
    stream_status: { stream_descriptor: toStreamRef(stream), status: 'RUNNING', reasons: [reason] },
  });
}

/** Formats the expected number of a stream's rows. */
export function formatEstimateLine(stream: StreamRef, rows: number, at: number): string {
  return formatTraceLine('ESTIMATE', at, { estimate: { ...toStreamRef(stream), type: 'STREAM', row_estimate: rows } });
}

export function formatConnectionStatusLine(status: 'SUCCEEDED' | 'FAILED', message?: string): string {
  return formatMessageLine({ type: 'CONNECTION_STATUS', connectionStatus: { status, message } });
}

export function formatSpecLine(spec: ConnectorSpecification): string {
  return formatMessageLine({ type: 'SPEC', spec });
}

export function formatCatalogLine(streams: AirbyteStream[]): string {
  return formatMessageLine({ type: 'CATALOG', catalog: { streams } });
}

function formatTraceLine(type: string, at: number, body: object): string {
  return formatMessageLine({ type: 'TRACE', trace: { type, emitted_at: at, ...body } });
}

/** Formats a message as a line. Omits keys whose value is undefined. */
export function formatMessageLine(message: object): string {
  return `${escapeNonAscii(JSON.stringify(message))}\n`;
}

/** Drops the other properties of the object. */
function toStreamRef({ name, namespace }: StreamRef): StreamRef {
  return { name, ...defined({ namespace }) };
}

/**
 * Escapes every code unit outside ASCII, because some readers decode each chunk of a pipe separately, and damage a character
 * that is split between two.
 */
function escapeNonAscii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
