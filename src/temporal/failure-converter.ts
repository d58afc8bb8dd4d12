import { DefaultFailureConverter } from '@temporalio/common';

/**
 * How errors become Temporal failures. Loaded by its path, by clients, workers and the workflow bundle (see
 * data-converter.ts). Messages and stack traces stay readable; once payloads go through a codec,
 * `encodeCommonAttributes` must become true here, or failures would stay in plain text beside encrypted payloads.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: false });
