import { DefaultFailureConverter } from '@temporalio/common';

/**
 * The one data converter of clients, workers and the workflow bundle. A bundle that is built without the same failure
 * converter sends the messages of workflow errors around any codec, so scripts/build.mjs reads the path from here.
 */
export const dataConverter = { failureConverterPath: __filename };

/**
 * How errors become Temporal failures. Temporal loads this module by its path. Messages and stack traces stay readable; once
 * payloads go through a codec, `encodeCommonAttributes` must become true, or failures would stay in plain text beside
 * encrypted payloads.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: false });
