import fc from 'fast-check';
import { normaliseTimestamp, timestampPattern } from '../../src/timestamp';

test.each([
  ['2024-08-02T16:18:47.824Z', '2024-08-02T16:18:47.824Z'],
  ['2024-08-02T16:18:47.824000Z', '2024-08-02T16:18:47.824Z'],
  ['2024-08-02T16:18:47.8249999Z', '2024-08-02T16:18:47.824Z'],
  ['2024-08-02T16:18:47.123456789Z', '2024-08-02T16:18:47.123Z'],
  ['2024-08-02T16:18:47.8Z', '2024-08-02T16:18:47.800Z'],
  ['2024-08-02T16:18:47Z', '2024-08-02T16:18:47.000Z'],
  ['2024-08-02T16:18Z', '2024-08-02T16:18:00.000Z'],
  ['2024-08-02t16:18:47z', '2024-08-02T16:18:47.000Z'],
  ['2024-08-02 16:18:47', '2024-08-02T16:18:47.000Z'],
  ['2024-08-02T16:18:47+00:00', '2024-08-02T16:18:47.000Z'],
  ['2024-08-02T01:00:00+05:30', '2024-08-01T19:30:00.000Z'],
  ['2024-12-31T23:30:00-0200', '2025-01-01T01:30:00.000Z'],
  ['2024-12-31T23:30:00-02', '2025-01-01T01:30:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['0001-01-01', '0001-01-01T00:00:00.000Z'],
])('converts %s to %s', (text, converted) => {
  expect(normaliseTimestamp(text)).toBe(converted);
});

test.each([
  '',
  'yesterday',
  '1722615527',
  '2024-8-2',
  '2023-02-29',
  '2024-02-30T00:00:00Z',
  '2024-13-01',
  '2024-01-01T24:00:00Z',
  '2024-01-01T10:60:00Z',
  '2024-01-01T10:00:00.Z',
  '2024-01-01T10:00:00.1234567890Z',
  '2024-01-01T10:00:00+24:00',
  '2024-01-01T10:00:00+10:60',
  '2024-01-01Z',
  '0000-01-01T00:00:00+01:00',
  '9999-12-31T23:59:59-01:00',
  ' 2024-01-01',
  '2024-01-01\n',
])('refuses %j', (text) => {
  expect(normaliseTimestamp(text)).toBeUndefined();
});

test('keeps the instant, and converted times sort by their instants', () => {
  const instant = fc.date({ min: new Date(0), max: new Date('9999-12-30'), noInvalidDate: true });
  fc.assert(
    fc.property(instant, instant, fc.integer({ min: -1439, max: 1439 }), (a, b, offset) => {
      const sign = offset < 0 ? '-' : '+';
      const zone = `${sign}${String(Math.trunc(Math.abs(offset) / 60)).padStart(2, '0')}:${String(Math.abs(offset) % 60).padStart(2, '0')}`;
      const local = new Date(a.getTime() + offset * 60_000).toISOString().replace('Z', zone);
      fc.pre(local.length === 29);
      expect(normaliseTimestamp(local)).toBe(a.toISOString());
      expect(a.toISOString() < b.toISOString()).toBe(a < b);
    }),
  );
});

test('never throws, and accepts nothing that its pattern refuses', () => {
  const pattern = new RegExp(timestampPattern);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(pattern)), (text) => {
      const converted = normaliseTimestamp(text);
      if (converted !== undefined) expect(converted).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      if (converted !== undefined) expect(text).toMatch(pattern);
    }),
  );
});
