import fc from 'fast-check';
import { formatColumnValue, toColumnType } from '../../../src/sinks/postgres/row-encoder';
import { escapeText, toColumnName } from '../../../src/sinks/postgres/sql';

/** Any UTF-16, with what matters made likely. */
const text = fc
  .array(fc.oneof(fc.constantFrom('\0', '\ud800', '\udfff', '\\', '\\u', 'u0000', 'u005c', '0', 'ö'), fc.string()))
  .map((parts) => parts.join(''));

const hasUnstorable = /[\0\ud800-\udfff]/u;

test('an escaped text holds nothing that Postgres refuses, and can be had back', () => {
  fc.assert(
    fc.property(text, (original) => {
      const escaped = escapeText(original);
      expect(escaped).not.toMatch(hasUnstorable);
      const back = escaped.replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
      expect(back).toBe(original);
    }),
  );
  expect(escapeText('C:\\users\\name')).toBe('C:\\users\\name');
});

test('the column of a field has a name that Postgres takes, and no other field’s', () => {
  fc.assert(
    fc.property(text, text, (one, other) => {
      const name = toColumnName(one);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(name).not.toMatch(hasUnstorable);
      expect(name).not.toBe('');
      if (one !== other) expect(name).not.toBe(toColumnName(other));
      expect(toColumnName(name) === name).toBe(name === one);
    }),
  );
  expect(toColumnName('isSocial')).toBe('isSocial');
});

test.each([
  [{ type: ['null', 'string'] }, 'text'],
  [{ type: ['null', 'string'], format: 'date-time' }, 'timestamp with time zone'],
  [{ type: 'boolean' }, 'boolean'],
  [{ type: ['null', 'integer'] }, 'bigint'],
  [{ type: ['null', 'number'] }, 'numeric'],
  [{ type: ['null', 'object'] }, 'jsonb'],
  [{ type: ['null', 'array'] }, 'jsonb'],
  [{ type: ['null', 'string', 'integer'] }, 'jsonb'],
  [{}, 'jsonb'],
])('a field of the schema %j has a column of type %s', (schema, type) => {
  expect(toColumnType(schema)).toBe(type);
});

test.each([
  ['2024-02-28T23:59:59.999Z', '2024-02-28T23:59:59.999Z'],
  ['2024-02-29T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
  ['2023-02-29T00:00:00.000Z', undefined],
  ['2024-01-01T24:00:00.000Z', undefined],
  ['2024-01-01', '2024-01-01T00:00:00.000Z'],
  ['2024-01-01T01:00:00+02:00', '2023-12-31T23:00:00.000Z'],
  ['0000-06-01T00:00:00.000Z', undefined],
  ['0001-01-01T00:30:00+01:00', undefined],
  ['now', undefined],
  ['infinity', undefined],
  [1_700_000_000, undefined],
])('the time %j is brought to Postgres as %j', (value, expected) => {
  expect(formatColumnValue('timestamp with time zone', value)).toBe(expected);
});
