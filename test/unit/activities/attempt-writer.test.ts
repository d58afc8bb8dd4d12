import { AttemptWriter } from '../../../src/activities/attempt-writer';
import { createStaging } from '../../../src/staging/staging';
import type { ReaderOutput } from '../../../src/streams/stream-reader';
import { scratchFolders } from '../../support/scratch';

const staging = createStaging(scratchFolders()());

it('removes the secrets of a stream and keeps all other fields', async () => {
  const client = {
    client_id: 'c1',
    client_secret: 'planted',
    signing_keys: [{ cert: 'planted' }],
    encryption_key: { pub: 'planted' },
    client_authentication_methods: { private_key_jwt: { credentials: [{ id: 'planted' }] } },
    addons: { azure_sb: { sasKey: 'planted', region: 'eu' }, samlp: {} },
  };
  const writer = new AttemptWriter(staging, { run: 'run', fetchId: 'clients-0' }, 1);
  await writer.write([{ stream: 'clients', data: client }], 7);
  const [segment] = await writer.commit();
  await writer.close();
  expect(await staging.readValues(segment!)).toEqual([
    { emitted_at: 7, data: { client_id: 'c1', addons: { azure_sb: { region: 'eu' }, samlp: {} } } },
  ]);
});

it('returns all segments of the attempt with each commit', async () => {
  const writer = new AttemptWriter(staging, { run: 'run', fetchId: 'members-0' }, 2);
  const changes = [{ field: 'description', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' } as const];
  await writer.write([{ stream: 'organization_members', data: { user_id: 'u1' } }], 7);
  const first = await writer.commit();
  await writer.write([{ stream: 'organization_member_roles', data: { id: 'r1', description: null }, changes }], 8);
  const second = await writer.commit();
  await writer.close();
  expect(first.map(({ records }) => records)).toEqual([1]);
  expect(second.map(({ stream, file, records }) => ({ stream, file, records }))).toEqual([
    { stream: 'organization_members', file: 'run/members-0.2.organization_members.jsonl', records: 1 },
    { stream: 'organization_member_roles', file: 'run/members-0.2.organization_member_roles.jsonl', records: 1 },
  ]);
  expect(await staging.readValues(second[1]!)).toEqual([
    { emitted_at: 8, data: { id: 'r1', description: null }, meta: { changes } },
  ]);
});

it('commits neither a page that was written in part nor the pages since the last commit', async () => {
  const writer = new AttemptWriter(staging, { run: 'run', fetchId: 'clients-1' }, 1);
  await writer.write([{ stream: 'clients', data: { client_id: 'c1' } }], 7);
  const whole = await writer.commit();
  const unwritable = { stream: 'clients', data: { client_id: 3n } } as unknown as ReaderOutput;
  await expect(writer.write([{ stream: 'clients', data: { client_id: 'c2' } }, unwritable], 8)).rejects.toThrow(
    TypeError,
  );
  await expect(writer.commit()).rejects.toThrow('a page was written only in part');
  await writer.close();
  expect(await staging.readValues(whole[0]!)).toEqual([{ emitted_at: 7, data: { client_id: 'c1' } }]);
});
