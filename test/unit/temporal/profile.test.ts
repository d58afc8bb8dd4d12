import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readProfile } from '../../../src/temporal/profile';
import { scratchFolder } from '../../support/scratch';

const scratch = scratchFolder();

function profileFile(text: string): string {
  const path = join(scratch, 'temporal.toml');
  writeFileSync(path, text);
  return path;
}

it('returns no server when neither environment nor profile has an address', () => {
  expect(readProfile({ HOME: scratch })).toBeUndefined();
  expect(readProfile({ HOME: scratch, TEMPORAL_NAMESPACE: 'sync', TEMPORAL_ADDRESS: undefined })).toBeUndefined();
});

it('reads the address from the environment', () => {
  const env = { HOME: scratch, TEMPORAL_ADDRESS: 'temporal:7233' };
  expect(readProfile(env)).toEqual({ address: 'temporal:7233', namespace: 'default' });
});

it('reads a named profile, and uses TLS with an API key', () => {
  const file = profileFile('[profile.cloud]\naddress = "cloud:7233"\nnamespace = "sync"\napi_key = "made-up"\n');
  const env = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'cloud' };
  expect(readProfile(env)).toEqual({ address: 'cloud:7233', namespace: 'sync', apiKey: 'made-up', tls: true });
});

it('reports a profile file that cannot be read, with what to check', () => {
  const env = { TEMPORAL_CONFIG_FILE: profileFile('[profile') };
  expect(() => readProfile(env)).toThrow(expect.objectContaining({ name: 'TemporalProfileInvalid' }));
  expect(() => readProfile(env)).toThrow(/Check .*TEMPORAL_CONFIG_FILE/);
});
