/**
 * The one data converter of clients, workers and the workflow bundle. A bundle that is built without the same failure
 * converter sends the messages of workflow errors around any codec, so scripts/build.mjs reads the path from here.
 */
export const dataConverter = { failureConverterPath: require.resolve('./failure-converter') };
