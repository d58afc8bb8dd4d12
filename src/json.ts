/** Any value that JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object: one row of an Auth0 list, one record, one state. */
export type JsonObject = { [key: string]: Json };
