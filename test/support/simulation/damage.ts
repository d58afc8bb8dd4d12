import fc from 'fast-check';
import type { Json } from '../../../src/json';

type Path = (string | number)[];

/** The paths of a value and of all values in it. */
function pathsOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys: Path = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [path, ...keys.flatMap((key) => pathsOf((value as Record<string, Json>)[key]!, [...path, key]))];
}

/** The value with another one at the path, or with nothing there. */
function changedAt(value: Json, [key, ...rest]: Path, change: (before: Json) => Json | undefined): Json | undefined {
  if (key === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, Json>;
  const inner = changedAt(copy[key]!, rest, change);
  if (inner !== undefined) copy[key] = inner;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else Reflect.deleteProperty(copy, key);
  return copy;
}

/** What stands where something else is expected. */
const strange = fc.constantFrom<Json>(
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

/** Values like `value` in which something is of another type, missing, or in a list or an object of its own. */
export function changedValue(value: Json): fc.Arbitrary<Json> {
  const change = fc.oneof(
    strange.map((other) => () => other),
    fc.constant(() => undefined),
    fc.constantFrom<(before: Json) => Json>(
      (before) => [before],
      (before) => ({ x: before }),
      (before) => [before, before],
      (before) => JSON.stringify(before),
    ),
  );
  return fc.array(fc.tuple(fc.nat(), change), { minLength: 1, maxLength: 2 }).map((changes) =>
    changes.reduce<Json>((changed, [place, how]) => {
      const paths = pathsOf(changed);
      return changedAt(changed, paths[place % paths.length]!, how) ?? null;
    }, value),
  );
}

/** The bytes of a file that should hold `value`, and that something has happened to. */
export function damagedFile(value: Json): fc.Arbitrary<Buffer> {
  const whole = Buffer.from(JSON.stringify(value, null, 2));
  const place = fc.nat({ max: whole.length - 1 });
  return fc.oneof(
    { weight: 6, arbitrary: changedValue(value).map((changed) => Buffer.from(JSON.stringify(changed))) },
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
