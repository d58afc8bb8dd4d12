import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, hashContent, type TruthStream } from 'auth0-emulator';
import type { JsonObject } from '../../src/json';
import { streams } from '../../src/streams/registry';

/** The configuration of Airbyte's own connector for an emulated tenant. */
export function configOf({ url, clientId, clientSecret, audience }: Emulator): JsonObject {
  return {
    base_url: `${url}/`,
    credentials: {
      auth_type: 'oauth2_confidential_application',
      client_id: clientId,
      client_secret: clientSecret,
      audience,
    },
  };
}

/** A configured catalog of the named streams, all by default. */
export function catalogFor(names = streams.map(({ name }) => name), extra: JsonObject = {}): JsonObject {
  return {
    streams: names.map((name) => ({
      stream: { name, json_schema: {}, supported_sync_modes: ['full_refresh'] },
      sync_mode: 'full_refresh',
      destination_sync_mode: 'overwrite',
      ...extra,
    })),
  };
}

/** Fields that Rollcall adds to what the API returns: the parents' ids. */
const added: Partial<Record<TruthStream, string[]>> = {
  organization_members: ['org_id'],
  organization_member_roles: ['org_id', 'user_id'],
};

/** A copy held against data of the tenant: all counts are 0 when it is exact. */
export interface Comparison {
  lost: string[];
  invented: string[];
  twice: string[];
  different: string[];
}

/** Compares the records of a stream with the truth, by key and content. */
export function compare(stream: TruthStream, records: readonly JsonObject[], truth: Map<string, string>): Comparison {
  const primaryKey = streams.find(({ name }) => name === stream)?.primaryKey.flat() ?? [];
  const seen = new Set<string>();
  const result: Comparison = { lost: [], invented: [], twice: [], different: [] };
  for (const record of records) {
    const key = primaryKey.map((field) => String(record[field])).join(',');
    if (seen.has(key)) result.twice.push(key);
    seen.add(key);
    const held = truth.get(key);
    const content = Object.fromEntries(Object.entries(record).filter(([name]) => !added[stream]?.includes(name)));
    if (held === undefined) result.invented.push(key);
    else if (held !== hashContent(content)) result.different.push(key);
  }
  result.lost = [...truth.keys()].filter((key) => !seen.has(key));
  return result;
}

export const exact: Comparison = { lost: [], invented: [], twice: [], different: [] };

/** Writes the project file of a folder, with one connection, `acme`. */
export function projectFor(
  folder: string,
  { url, clientId, clientSecret }: Emulator,
  destination = '{ files: ./data }',
): string {
  const file = join(folder, 'rollcall.yaml');
  const lines = [
    'connections:',
    '  acme:',
    `    base_url: ${url}`,
    `    credentials: { client_id: ${clientId}, client_secret: ${clientSecret} }`,
    `    destination: ${destination}`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
