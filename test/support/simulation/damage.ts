import fc from 'fast-check';
import type { Json } from '../../../src/json';

type Path = (string | number)[];

/** The paths of a value and of all values in it. */
function listPaths(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys: Path = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [path, ...keys.flatMap((key) => listPaths((value as Record<string, Json>)[key]!, [...path, key]))];
}

/** The value with the part at the path replaced or removed. */
function changeAt(value: Json, [key, ...rest]: Path, change: (before: Json) => Json | undefined): Json | undefined {
  if (key === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, Json>;
  const inner = changeAt(copy[key]!, rest, change);
  if (inner !== undefined) copy[key] = inner;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else Reflect.deleteProperty(copy, key);
  return copy;
}

/** Values of unexpected types. */
const unexpectedValues = fc.constantFrom<Json>(
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  '',
  ' ',
  'x',
  '2024-02-30T00:00:00Z',
  [],
  {},
  [null],
  { x: 1 },
  { toString: 1 },
  JSON.parse('{"__proto__": 1}') as Json,
);

/** Copies of `value` in which a part has another type, is missing, or is wrapped in a list or an object. */
export function anyChange(value: Json): fc.Arbitrary<Json> {
  const change = fc.oneof(
    unexpectedValues.map((other) => () => other),
    fc.constant(() => undefined),
    fc.constantFrom<(before: Json) => Json>(
      (before) => [before],
      (before) => ({ x: before }),
      (before) => [before, before],
      (before) => JSON.stringify(before),
    ),
  );
  return fc.array(fc.tuple(fc.nat(), change), { minLength: 1, maxLength: 2 }).map((changes) =>
    changes.reduce<Json>((changed, [index, how]) => {
      const paths = listPaths(changed);
      return changeAt(changed, paths[index % paths.length]!, how) ?? null;
    }, value),
  );
}

/** The bytes of a damaged file that contained `value`. */
export function anyDamage(value: Json): fc.Arbitrary<Buffer> {
  const whole = Buffer.from(JSON.stringify(value, null, 2));
  const place = fc.nat({ max: whole.length - 1 });
  return fc.oneof(
    { weight: 6, arbitrary: anyChange(value).map((changed) => Buffer.from(JSON.stringify(changed))) },
    { weight: 2, arbitrary: place.map((length) => whole.subarray(0, length)) },
    {
      weight: 2,
      arbitrary: fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 3 })).map(([at, bytes]) => {
        const copy = Buffer.from(whole);
        copy.set(bytes.slice(0, whole.length - at), at);
        return copy;
      }),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  );
}
